"""Open a one-time link: use it up, retrieve what it stands for, verify, and say what is shown (docs/spec/recognition.md).

The retrieval is an ordinary one, under the clinician of the check, for treatment: the holder's policy decides, and both
sides log it. A link is used up before anything is asked for: what comes of it is told once, whatever that is. Left out:
drawing links (`view_links`), pages (`node.printing`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

from node.domain.access import Purpose
from node.domain.entry import InstitutionId
from node.domain.recognition import Offer
from node.domain.record import Item, PatientNumber
from node.domain.retrieval import RequestState, RetrievalRequest
from node.domain.verdict import Verdict
from node.domain.viewing import DisplayedRecord, ViewedLine, ViewedResult, ViewState
from node.errors import (
    NotFoundByKeysError,
    RecordErasedError,
    SupersededTargetError,
    UnknownPatientError,
    UnknownViewError,
    VerificationError,
    ViewGoneError,
    WireError,
)
from node.ports.clock import Clock, unix_ms
from node.ports.keys.signing import NodeKeys
from node.ports.recognition.views import KeptView, ViewStore
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.services.catalogue.rulebook import Rulebook
from node.services.reading.retrieval import Retrieval, RetrievalOrder
from node.services.recognition.checking import OrderChecking
from node.services.recognition.view_links import VIEW_SEAL, hash_token
from node.wire.recognition.result_display import display_record
from node.wire.recognition.text import CheckText
from node.wire.recognition.view_text import ViewTarget, ViewText, parse_view

_AT_ONCE: Final = 16
"""Links that are opened at once; further ones wait."""
_LOOK_S: Final = 1.0
"""How long a holder is waited for before it is looked whether the node stops."""
_ON_THE_WAY: Final = (RequestState.REQUESTED, RequestState.RECEIVED)
_KEPT_MS: Final = 86_400_000
"""How long a link that expired is still told as such; then it is swept."""
_STATES: Final = {
    RequestState.DENIED: ViewState.DENIED,
    RequestState.REJECTED: ViewState.REJECTED,
    RequestState.FORGOTTEN: ViewState.GONE,
}
"""What a settled request that brought nothing means; any other is still on its way."""


@dataclass(frozen=True, slots=True)
class ViewingParts:
    """What the service is made of."""

    store: ViewStore
    """Keeps links."""
    checking: OrderChecking
    """Recalls checks."""
    retrieval: Retrieval
    """Retrieves."""
    rules: Rulebook
    """Maps say which items the values are."""
    verify: Callable[[bytes], Verdict]
    """Verifies evidence once more, for the words of the page."""
    keys: NodeKeys
    """Opens what is kept."""
    writer: RecordsWriter
    """The one writer."""
    clock: Clock
    """Tells the time."""
    wait_s: float
    """How long holders may take to answer before the page is sent."""


class Viewing:
    """Opens links; any thread."""

    def __init__(self, parts: ViewingParts) -> None:
        self._parts = parts
        # threads of their own: while a holder is waited for, checks go on being answered
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="viewing")
        self._stopping = threading.Event()

    def close(self) -> None:
        """Stop; what is under way is finished."""
        self._stopping.set()
        self._pool.shutdown(cancel_futures=True)

    def press(self, token: str) -> Future[tuple[InstitutionId, ViewedLine]]:
        """Begin to open a link; the future gives and raises what `open` does."""
        return self._pool.submit(self.open, token)

    def look(self, token: str) -> None:
        """Check that a link opens now; uses nothing up, so that a scanner of links does no harm.

        Raises:
            UnknownViewError: There is none of this token.
            ViewGoneError: It was used, or has expired.
        """
        self._live(token)

    def open(self, token: str) -> tuple[InstitutionId, ViewedLine]:
        """Use a link up and retrieve what it stands for; return whose clinician it was for, and what is shown.

        Raises:
            UnknownViewError: There is none of this token.
            ViewGoneError: It was used, or has expired.
        """
        parts, now_ms = self._parts, unix_ms(self._parts.clock)
        kept = self._live(token)
        if not parts.writer.submit(lambda transaction: parts.store.use(transaction, kept.token_hash, now_ms)).result():
            raise ViewGoneError("used")  # another request of the same moment was first
        view = self._read(kept)
        check, _ = parts.checking.recall(view.institution, view.check_id)
        line = next(each for each in check.outcome.lines if each.line.order_id == view.order_id)
        offers = {offer.leaf: offer for offer in line.offers}
        # all are asked for before the first is waited for
        asked = [(offers[target.leaf], self._ask(view, check, target)) for target in view.targets]
        deadline_s = time.monotonic() + parts.wait_s
        results = tuple(
            ViewedResult(offer, ViewState.GONE, "")
            if request is None
            else self._result(ViewedResult(offer, ViewState.AWAY, ""), self._settle(request, deadline_s))
            for offer, request in asked
        )
        return view.institution, ViewedLine(view.check_id, line.line, view.patient_number, results)

    def sweep(self) -> None:
        """Remove links that expired a while ago; a step of a loop."""
        parts, before_ms = self._parts, unix_ms(self._parts.clock) - _KEPT_MS
        parts.writer.submit(lambda transaction: self._sweep(transaction, before_ms)).result()

    def _sweep(self, transaction: RecordsTransaction, before_ms: int) -> None:
        self._parts.store.sweep(transaction, before_ms)

    def _live(self, token: str) -> KeptView:
        kept = self._parts.store.view(hash_token(token))
        if kept is None:
            raise UnknownViewError
        if kept.used_at_ms is not None:
            raise ViewGoneError("used")
        if kept.expires_at_ms <= unix_ms(self._parts.clock):
            raise ViewGoneError("expired")
        return kept

    def _read(self, kept: KeptView) -> ViewText:
        view = parse_view(self._parts.keys.open(VIEW_SEAL, kept.content))
        if (view.token_hash, view.institution, view.check_id) != (kept.token_hash, kept.institution, kept.check_id):
            raise UnknownViewError  # a row that somebody changed
        return view

    def _ask(self, view: ViewText, check: CheckText, target: ViewTarget) -> RetrievalRequest | None:
        order = RetrievalOrder(
            patient=PatientNumber(view.patient_system, view.patient_number),
            targets=((target.origin, target.leaf_index),),
            purpose=Purpose.TREATMENT,
            actor=check.actor,
            consents=(),
            emergency=None,
            encounter=check.outcome.encounter,
        )
        try:
            (request,) = self._parts.retrieval.order(view.institution, order)
        except (NotFoundByKeysError, SupersededTargetError, UnknownPatientError):
            return None
        return request

    def _settle(self, request: RetrievalRequest, deadline_s: float) -> RetrievalRequest:
        while True:
            left_s = deadline_s - time.monotonic()
            (settled,) = self._parts.retrieval.wait(request.institution, request.retrieval_id, max(0.0, min(left_s, _LOOK_S)))
            if settled.state not in _ON_THE_WAY or left_s <= _LOOK_S or self._stopping.is_set():
                return settled

    def _result(self, waiting: ViewedResult, request: RetrievalRequest) -> ViewedResult:
        offer = waiting.offer
        if request.state is not RequestState.VERIFIED:
            return ViewedResult(offer, _STATES.get(request.state, ViewState.AWAY), request.reason)
        try:
            evidence = self._parts.retrieval.evidence(request.institution, request.retrieval_id, request.request_id)
            verdict = self._parts.verify(evidence)
        except (VerificationError, WireError):
            # what was kept does not verify any more: nothing of it is shown
            return ViewedResult(offer, ViewState.REJECTED, "")
        except RecordErasedError:
            return ViewedResult(offer, ViewState.GONE, "")
        return ViewedResult(
            offer, ViewState.SHOWN, "", verdict, self._named(request.institution, offer, display_record(verdict.parts))
        )

    def _named(self, institution: InstitutionId, offer: Offer, record: DisplayedRecord) -> DisplayedRecord:
        """Say which items of the catalogue the values are, by the issuer's map."""
        known = self._parts.rules.ordering(institution).shared.results.get(offer.institution)
        if known is None:
            return record
        rows = [known.find(Item(each.code[0], each.code[1], "", each.unit)) for each in record.values]
        named = (replace(each, item=None if row is None else row.item) for each, row in zip(record.values, rows, strict=True))
        return replace(record, values=tuple(named))
