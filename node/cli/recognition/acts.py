"""`concord check` and `concord decide`: what answers an order, and what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node.cli.api_client import ApiClient
from node.cli.failures import UnreachedError, UsageError
from node.cli.options import Language
from node.cli.output import show
from node.cli.reading.acts import Asking
from node.cli.texts import language_of
from node.domain.money import yuan

_CHECK_PATH = "/v1/recognition/check"


@dataclass(frozen=True, slots=True)
class Clinician:
    """Who decides."""

    staff: str
    """Staff number."""
    department: str
    """Code of the department."""
    role: str
    """Role there."""
    authentication: str
    """How the clinician was authenticated."""

    def document(self) -> dict[str, str]:
        """Return what the routes take."""
        return {
            "department": self.department,
            "staff_number": self.staff,
            "role": self.role,
            "authentication": self.authentication,
        }


@dataclass(frozen=True, slots=True)
class Asked:
    """An order, as it is about to be made."""

    asking: Asking
    """For whom, by whom."""
    orders: Sequence[str]
    """ORDERABLE, or ORDER_ID=ORDERABLE."""
    encounter: str
    """The encounter, or empty."""
    campus: str
    """The campus, or empty where the institution names none."""

    def body(self) -> dict[str, object]:
        """Return what the routes take.

        Raises:
            UsageError: An order is none, or the patient is not named.
        """
        document = self.asking.document()
        lines = [_order(at, order) for at, order in enumerate(self.orders, start=1)]
        patient, actor = document["patient"], document["actor"]
        return {"patient": patient, "actor": actor, "encounter": self.encounter, "campus": self.campus, "lines": lines}


@dataclass(frozen=True, slots=True)
class Line:
    """An order line that was checked."""

    check: str
    """Id of the check."""
    order: str
    """The line."""


def check(
    url: str,
    api_key: str,
    asked: Asked,
    language: Language | None,
    *,
    deadline_ms: int | None,
    as_json: bool,
) -> None:
    """Show what answers an order: lines, offers, what cannot be recognised, and the words of the warning.

    Args:
        url: The node.
        api_key: Of the institution.
        asked: The order.
        language: Of the warning.
        deadline_ms: How long the answer may take; then the order goes ahead, and that is noted. None: as long as it takes.
        as_json: Whether programs read it.

    Raises:
        UsageError: An order is none, or the patient is not named.
        UnreachedError: The node does not answer, nor could it be told that the order went ahead.
    """
    try:
        answer = _ask(url, api_key, asked.body(), deadline_ms)
    except UnreachedError:
        if deadline_ms is None:
            raise
        note_unchecked(url, api_key, asked, as_json=as_json)
        return
    if as_json:
        show(answer, as_json=True)
        return
    shown: dict[str, object] = {
        "check": answer["check_id"],
        "orders": [_shown_line(line) for line in answer["lines"]],
        "offers": [_shown_offer(line, offer) for line in answer["lines"] for offer in line["offers"]],
        "view_once": [f"{line['order_id']} {line['view']['url']}" for line in answer["lines"] if line["view"]],
        "not_recognised": [_shown_refusal(line, each) for line in answer["lines"] for each in line["unrecognisable"]],
        "warning": answer["warning"][(language or language_of()).value],
        "emergency": "always open: concord emergency open",
    }
    show({name: value for name, value in shown.items() if value != []}, as_json=False)


def note_unchecked(url: str, api_key: str, asked: Asked, *, as_json: bool) -> None:
    """Note that an order went ahead without an answer.

    Raises:
        UnreachedError: The node does not answer either; note it later.
    """
    try:
        with ApiClient(url, api_key) as client:
            noted = client.post("/v1/recognition/unchecked", _encode(asked.body()))
    except UnreachedError as error:
        told = "the order goes ahead unchecked; note that when the node is back: the same command with --unchecked"
        raise UnreachedError(f"{error}; {told}", answered=False) from error
    show({"answered": False, "order": "goes ahead", "check": noted["check_id"]}, as_json=as_json)


def _ask(url: str, api_key: str, body: Mapping[str, object], deadline_ms: int | None) -> Any:  # noqa: ANN401 - JSON
    """Ask, and wait no longer than the deadline for the whole answer."""
    if deadline_ms is None:
        with ApiClient(url, api_key) as client:
            return client.post(_CHECK_PATH, _encode(body))
    deadline_s = deadline_ms / 1000
    # the client's own limit counts from byte to byte; a deadline counts for all of it
    pool = ThreadPoolExecutor(1)
    try:
        with ApiClient(url, api_key, deadline_s) as client:
            return pool.submit(client.post, _CHECK_PATH, _encode(body)).result(deadline_s)
    except TimeoutError as error:
        raise UnreachedError(f"{url} did not answer within {deadline_ms} ms") from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def recognise(url: str, api_key: str, line: Line, by: Clinician, results: Sequence[str], *, as_json: bool) -> None:
    """Use results for an order line.

    Raises:
        UsageError: A result is not named as an offer is.
    """
    body = {
        "outcome": "recognised",
        "check_id": line.check,
        "order_id": line.order,
        "actor": by.document(),
        "results": [_result(each) for each in results],
    }
    _decide(url, api_key, body, as_json=as_json)


def reorder(url: str, api_key: str, line: Line, by: Clinician, why: tuple[int | None, str | None, str], *, as_json: bool) -> None:
    """Order again; `why` is reason, sub-reason and words."""
    reason, sub_reason, words = why
    body = {
        "outcome": "reordered",
        "check_id": line.check,
        "order_id": line.order,
        "actor": by.document(),
        "reason": reason,
        "sub_reason": sub_reason,
        "free_text": words,
    }
    _decide(url, api_key, body, as_json=as_json)


def reverse(url: str, api_key: str, decision: str, by: Clinician, *, as_json: bool) -> None:
    """Take a decision back."""
    with ApiClient(url, api_key) as client:
        show(client.post(f"/v1/recognition/decisions/{decision}:reverse", _encode({"actor": by.document()})), as_json=as_json)


def slip(url: str, api_key: str, decision: str, out: Path, *, as_json: bool) -> None:
    """Save a slip for the medical record."""
    with ApiClient(url, api_key) as client:
        page = client.get_bytes(f"/v1/recognition/decisions/{decision}/slip")
    out.write_bytes(page)
    show({"decision": decision, "written": str(out), "bytes": len(page)}, as_json=as_json)


def heard(url: str, api_key: str, *, as_json: bool) -> None:
    """Show what others decided."""
    with ApiClient(url, api_key) as client:
        show(client.get_json("/v1/recognition/decisions:heard"), as_json=as_json)


def _decide(url: str, api_key: str, body: Mapping[str, object], *, as_json: bool) -> None:
    with ApiClient(url, api_key) as client:
        taken = client.post("/v1/recognition/decisions", _encode(body))
    if not as_json:
        taken = {**taken, "saved_yuan": yuan(taken.pop("saving_fen"))}
    show(taken, as_json=as_json)


def _order(at: int, order: str) -> dict[str, str]:
    order_id, mark, orderable = order.rpartition("=")
    if not orderable or (mark and not order_id):
        raise UsageError(f"{order!r} is no order: give ORDERABLE, or ORDER_ID=ORDERABLE")
    return {"order_id": order_id or f"o-{at}", "orderable": orderable}


def _result(result: str) -> dict[str, str]:
    origin, mark, leaf_hash = result.rpartition("#")
    if not mark or not origin:
        raise UsageError(f"{result!r} is no result: give ORIGIN#LEAF_HASH, as `concord check` shows offers")
    return {"origin": origin, "leaf_hash": leaf_hash}


def _shown_line(line: Mapping[str, Any]) -> dict[str, object]:
    price = line["price_fen"]
    return {
        "order": line["order_id"],
        "orderable": line["orderable"],
        "coverage": line["coverage"] if line["known"] else "unknown orderable",
        "missing": line["missing"] if line["offers"] else [],
        "price_yuan": None if price is None else yuan(price),
        "saving_yuan": yuan(line["saving_fen"]),
    }


def _shown_offer(line: Mapping[str, Any], offer: Mapping[str, Any]) -> dict[str, object]:
    retrieve = offer["retrieve"]
    return {
        "order": line["order_id"],
        "institution": offer["institution"],
        "performed_at": offer["performed_at"],
        "marks": sorted({each["mark"] for each in offer["items"] if each["mark"]}),
        "items": [each["item"] for each in offer["items"]],
        "level": offer["level"],
        "reach": offer["reachability"],
        "saving_yuan": yuan(offer["saving_fen"]),
        "result": f"{offer['origin']}#{offer['leaf_hash']}",
        "retrieve": None if retrieve is None else f"{retrieve['origin']}#{retrieve['leaf_index']}",
    }


def _shown_refusal(line: Mapping[str, Any], refused: Mapping[str, Any]) -> dict[str, object]:
    return {
        "order": line["order_id"],
        "institution": refused["institution"],
        "performed_at": refused["performed_at"],
        "why": sorted({each["obstacle"] for each in refused["items"]}),
        "items": [each["item"] for each in refused["items"]],
    }


def _encode(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()
