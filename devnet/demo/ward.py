"""A ward's system: what a hospital's software asks of its node when somebody orders, through the API that it would use."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import httpx

from devnet.demo.report import DemoFailedError
from devnet.engines.process import wait_until

TIMEOUT_S: Final = 60.0
"""How long something may take that takes a moment: a machine may be busy."""
CLINICIAN: Final = {"department": "03.04", "staff_number": "b-17", "authentication": "password+token", "role": "physician"}


@dataclass(frozen=True, slots=True)
class Checked:
    """The answer to a check of one order line."""

    answer: Mapping[str, Any]
    """All of it."""
    took_ms: float
    """How long it took over HTTP."""

    @property
    def line(self) -> Mapping[str, Any]:
        """The order line."""
        line: Mapping[str, Any] = self.answer["lines"][0]
        return line

    @property
    def offers(self) -> Sequence[Mapping[str, Any]]:
        """The results that can be recognised."""
        offers: Sequence[Mapping[str, Any]] = self.line["offers"]
        return offers

    def warning(self, language: str) -> Sequence[str]:
        """What the clinician reads."""
        lines: Sequence[str] = self.answer["warning"][language]
        return lines


@dataclass(frozen=True, slots=True)
class Ward:
    """One ward, with one patient and one clinician."""

    client: httpx.Client
    """Its node, as its institution."""
    patient_number: str
    """The institution's own number of the patient."""
    encounter: str
    """The visit."""
    clinician: Mapping[str, str]
    """Who orders."""

    def find(self, holder: str) -> list[dict[str, Any]]:
        """Return what a holder has of the patient, from the node's own index."""
        body = {**self._who, "purpose": "treatment"}
        answer = self.client.post("/v1/find", json=body).raise_for_status().json()
        return [record for record in answer["records"] if record["holder"] == holder]

    def ask_check(self, order_id: str, orderable: str) -> httpx.Response:
        """Ask for a check of one order line, whatever the answer."""
        lines = [{"order_id": order_id, "orderable": orderable}]
        return self.client.post("/v1/recognition/check", json={**self._who, "encounter": self.encounter, "lines": lines})

    def check(self, order_id: str, orderable: str) -> Checked:
        """Check one order line."""
        begun_s = time.perf_counter()
        answer = self.ask_check(order_id, orderable)
        took_ms = (time.perf_counter() - begun_s) * 1000
        return Checked(_json(answer), took_ms)

    def recognise(self, checked: Checked) -> dict[str, Any]:
        """Recognise all that was offered."""
        results = [{"origin": each["origin"], "leaf_hash": each["leaf_hash"]} for each in checked.offers]
        return _json(self.ask_decision(checked, outcome="recognised", results=results))

    def reorder(self, checked: Checked, **reason: object) -> dict[str, Any]:
        """Order again."""
        return _json(self.ask_decision(checked, outcome="reordered", **reason))

    def ask_decision(self, checked: Checked, **wish: object) -> httpx.Response:
        """Ask for a decision on a line that was checked, whatever the answer."""
        named = {"check_id": checked.answer["check_id"], "order_id": checked.line["order_id"], "actor": self.clinician}
        return self.client.post("/v1/recognition/decisions", json={**named, **wish})

    def order_retrieval(self, targets: Sequence[Mapping[str, Any]], **order: object) -> str:
        """Order what was found or offered, without waiting; return the order's id."""
        body = {**self._who, "purpose": "treatment", "targets": targets, **order}
        ordered = self.client.post("/v1/retrievals", json=body)
        if ordered.status_code != HTTPStatus.ACCEPTED:
            raise DemoFailedError(f"the retrieval was not ordered: {ordered.status_code}: {ordered.text}")
        return str(ordered.json()["retrieval_id"])

    def retrieve(self, targets: Sequence[Mapping[str, Any]], **order: object) -> list[dict[str, Any]]:
        """Retrieve what was found or offered; return the requests as they ended."""
        return self.requests(self.order_retrieval(targets, **order), wait="true")

    def retrieve_until(
        self, wanted: Callable[[dict[str, Any]], bool], target: Mapping[str, Any], **order: object
    ) -> dict[str, Any]:
        """Ask again until an answer is as wanted: state on chain takes a moment to be seen."""
        answers: list[dict[str, Any]] = []

        def asked() -> bool:
            answers.extend(self.retrieve([target], **order))
            return wanted(answers[-1])

        if not wait_until(asked, TIMEOUT_S):
            raise DemoFailedError(f"the last answer was {answers[-1]['state']}: {answers[-1]['reason']}")
        return answers[-1]

    def requests(self, retrieval_id: str, **parameters: str) -> list[dict[str, Any]]:
        """Return what became of an order's requests."""
        shown = self.client.get(f"/v1/retrievals/{retrieval_id}", params=parameters).raise_for_status().json()
        return [{**each, "retrieval_id": retrieval_id} for each in shown["requests"]]

    def evidence(self, request: Mapping[str, Any]) -> bytes:
        """Return the evidence of what was retrieved."""
        url = f"/v1/retrievals/{request['retrieval_id']}/{request['request_id']}/evidence"
        return self.client.get(url).raise_for_status().content

    @property
    def _who(self) -> dict[str, Any]:
        return {"patient": {"number": self.patient_number}, "actor": self.clinician}


def _json(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise DemoFailedError(f"{answer.request.url.path}: {answer.status_code}: {answer.text}")
    body: dict[str, Any] = answer.json()
    return body
