"""Order records of other members, and follow what becomes of the orders (FORMATS "Retrieval", the requester's side).

An order names entries that the patient's keys find now; one request goes out for each, under an id of its own that both
sides log. Orders are durable before they are answered. Left out: sending and verifying (`retrieval_work`).
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Final

from node.domain.access import Actor, Purpose, RequestId
from node.domain.consent import PresentedConsent
from node.domain.consent_message import EmergencyId
from node.domain.entry import InstitutionId, Origin
from node.domain.retrieval import RequestState, RetrievalId, RetrievalRequest, Target
from node.errors import MalformedParameterError, NotFoundByKeysError, RecordErasedError, UnknownRetrievalError
from node.identity.sealed import encode_patient_keys
from node.policy.decision import Denial, permit_own
from node.policy.facts import RecordState
from node.ports.clock import Clock, unix_ms
from node.ports.keys.signing import NodeKeys
from node.ports.reading.retrievals import RetrievalStore, SealedOrder
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.services.disclosure import DisclosureService, RetrievedRecord
from node.services.reading.finding_patients import PatientFinding, PatientLike
from node.wire.evidence.file import encode_evidence
from node.wire.members.disclosure import CitedEmergency, DisclosureRequest, encode_request

ORDER_SEAL = "retrieval-order"
"""Purpose under which orders are sealed for this node."""
MAX_TARGETS = 64

_ID_BYTES = 16
_ON_THE_WAY: Final = (RequestState.REQUESTED, RequestState.RECEIVED)


@dataclass(frozen=True, slots=True)
class RetrievalOrder:
    """What a clinician wants to read, and on what that rests."""

    patient: PatientLike
    """Whose records."""
    targets: tuple[tuple[Origin, int], ...]
    """Logs and places, as a find showed them."""
    purpose: Purpose
    """Why."""
    actor: Actor
    """Who reads."""
    consents: tuple[PresentedConsent, ...]
    """What is shown to the holders; none: those that are kept here for the patient."""
    emergency: EmergencyId | None
    """Or an emergency that the institution opened."""
    encounter: str
    """The encounter, or empty."""


KeptConsents = Callable[[InstitutionId, PatientLike], Sequence[PresentedConsent]]
"""Returns the consents to itself that an institution keeps of a patient, the newest first."""

Cite = Callable[[InstitutionId, EmergencyId], CitedEmergency]
"""Returns what shows an institution's emergency to a holder; raises `UnknownEmergencyError`."""


@dataclass(frozen=True, slots=True)
class RetrievalParts:
    """What the service is made of."""

    finding: PatientFinding
    """Finds the patient's entries."""
    store: RetrievalStore
    """Keeps requests."""
    disclosure: DisclosureService
    """Opens what was retrieved."""
    keys: NodeKeys
    """Seals orders."""
    writer: RecordsWriter
    """The one writer."""
    clock: Clock
    """Tells the time."""
    kept_consents: KeptConsents
    """What to show where nothing is given."""
    cite: Cite
    """What shows an emergency."""
    announce: Callable[[RecordsTransaction, InstitutionId, DisclosureRequest], None]
    """Tells a holder of an emergency, in the transaction that orders."""


class Retrieval:
    """Takes orders."""

    def __init__(self, parts: RetrievalParts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._waiting: dict[tuple[InstitutionId, RetrievalId], list[Future[list[RetrievalRequest]]]] = {}
        self._wake: Callable[[], None] = lambda: None

    def on_news(self, wake: Callable[[], None]) -> None:
        """Let `wake` be called when something is to be sent."""
        self._wake = wake

    def order(self, institution: InstitutionId, order: RetrievalOrder) -> list[RetrievalRequest]:
        """Take an order; durable when this returns.

        Raises:
            MalformedParameterError: No target, or too many.
            UnknownPatientError: The institution has no keys under this number.
            NotFoundByKeysError: A target is not found by the patient's keys, or is not the latest version.
        """
        if not 0 < len(order.targets) <= MAX_TARGETS:
            raise MalformedParameterError("targets", f"name 1 to {MAX_TARGETS} entries")
        parts, now_ms = self._parts, unix_ms(self._parts.clock)
        keys, found = parts.finding.look(institution, order.patient)
        known = {(each.entry.place.origin, int(each.entry.place.index)): each.target for each in found}
        targets = [_known(known, place) for place in dict.fromkeys(order.targets)]
        consents = order.consents or (() if order.emergency else tuple(parts.kept_consents(institution, order.patient)))
        emergency = None if order.emergency is None else parts.cite(institution, order.emergency)
        retrieval_id = RetrievalId(secrets.token_hex(_ID_BYTES))
        patient = parts.keys.seal(ORDER_SEAL, encode_patient_keys(keys))
        made = [_make(institution, order, _Shown(tuple(consents), emergency), target, retrieval_id, now_ms) for target in targets]
        kept = [(request, SealedOrder(parts.keys.seal(ORDER_SEAL, encode_request(asked)), patient)) for request, asked in made]

        def work(transaction: RecordsTransaction) -> None:
            parts.store.insert(transaction, kept)
            for _, asked in made:
                parts.announce(transaction, institution, asked)

        parts.writer.submit_together(work).result()
        self._wake()
        return [request for request, _ in made]

    def show(self, institution: InstitutionId, retrieval_id: RetrievalId) -> list[RetrievalRequest]:
        """Return the requests of a retrieval.

        Raises:
            UnknownRetrievalError: The institution has none of this id.
        """
        found = self._parts.store.retrieval(institution, retrieval_id)
        if not found:
            raise UnknownRetrievalError(retrieval_id)
        return found

    def settled(self, institution: InstitutionId, retrieval_id: RetrievalId) -> Future[list[RetrievalRequest]]:
        """Return a future of the requests of a retrieval, once none of them is on its first way any more.

        Whoever waits for it occupies no thread: a holder that hangs would take one for each clinician.

        Raises:
            UnknownRetrievalError: As `show`.
        """
        waiting: Future[list[RetrievalRequest]] = Future()
        with self._lock:
            # before the look: what changes meanwhile looks again
            self._waiting.setdefault((institution, retrieval_id), []).append(waiting)
        if not self._answer(institution, retrieval_id):
            raise UnknownRetrievalError(retrieval_id)
        return waiting

    def wait(self, institution: InstitutionId, retrieval_id: RetrievalId, timeout_s: float) -> list[RetrievalRequest]:
        """Return the requests of a retrieval once none of them is on its first way, or the time is over.

        Raises:
            UnknownRetrievalError: As `show`.
        """
        waiting = self.settled(institution, retrieval_id)
        try:
            return waiting.result(timeout_s)
        except TimeoutError:
            waiting.cancel()
            return self.show(institution, retrieval_id)

    def changed(self, institution: InstitutionId, retrieval_id: RetrievalId) -> None:
        """Say that some request's state has changed."""
        if (institution, retrieval_id) in self._waiting:
            self._answer(institution, retrieval_id)

    def _answer(self, institution: InstitutionId, retrieval_id: RetrievalId) -> list[RetrievalRequest]:
        """Let go of whoever waits, if there is nothing to wait for; return the requests."""
        requests, key = self._parts.store.retrieval(institution, retrieval_id), (institution, retrieval_id)
        is_settled = all(request.state not in _ON_THE_WAY for request in requests)
        with self._lock:
            live = [waiting for waiting in self._waiting.pop(key, ()) if not waiting.cancelled()]
            if live and not is_settled:
                self._waiting[key] = live
                return requests
        for waiting in live:
            # one that was cancelled a moment ago: nobody waits any more
            if waiting.set_running_or_notify_cancel():
                waiting.set_result(requests)
        return requests

    def read(self, institution: InstitutionId, retrieval_id: RetrievalId, request_id: RequestId) -> RetrievedRecord:
        """Return what a request brought.

        Raises:
            UnknownRetrievalError: The institution has no such request, or it brought nothing.
            RecordErasedError: It was forgotten.
        """
        request = next((each for each in self.show(institution, retrieval_id) if each.request_id == request_id), None)
        if request is None or request.state not in (RequestState.VERIFIED, RequestState.FORGOTTEN):
            raise UnknownRetrievalError(retrieval_id)
        reference = request.target.reference
        decision = permit_own(institution, request.institution, reference, RecordState.AVAILABLE)
        if isinstance(decision, Denial):
            raise UnknownRetrievalError(retrieval_id)
        record = self._parts.disclosure.retrieved(request_id, reference, decision)
        if record is None:
            raise RecordErasedError(request_id)
        return record

    def evidence(self, institution: InstitutionId, retrieval_id: RetrievalId, request_id: RequestId) -> bytes:
        """Return the evidence file of what a request brought, with all parts; raises as `read`."""
        record = self.read(institution, retrieval_id, request_id)
        return encode_evidence(replace(record.head, parts=tuple(record.parts)))

    def forget(self, institution: InstitutionId, retrieval_id: RetrievalId) -> int:
        """Forget what a retrieval brought, and stop asking; the receipts stay. Returns how many requests that were.

        Raises:
            UnknownRetrievalError: The institution has none of this id.
        """
        requests, now_ms = self.show(institution, retrieval_id), unix_ms(self._parts.clock)

        def work(transaction: RecordsTransaction) -> None:
            for request in requests:
                self._parts.store.forget(transaction, request.request_id, now_ms)

        self._parts.writer.submit(work).result()
        self._parts.writer.scrub()
        self.changed(institution, retrieval_id)
        return len(requests)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What an order rests on, as holders are shown it."""

    consents: tuple[PresentedConsent, ...]
    emergency: CitedEmergency | None


def _make(
    institution: InstitutionId,
    order: RetrievalOrder,
    shown: _Shown,
    target: Target,
    retrieval_id: RetrievalId,
    now_ms: int,
) -> tuple[RetrievalRequest, DisclosureRequest]:
    request_id = RequestId(secrets.token_hex(_ID_BYTES))
    asked = DisclosureRequest(
        request_id=request_id,
        audience=target.holder,
        purpose=order.purpose,
        actor=order.actor,
        subject=target.reference,
        leaf_index=target.leaf_index,
        parts=None,
        consents=shown.consents,
        emergency=shown.emergency,
        encounter=order.encounter,
    )
    request = RetrievalRequest(
        request_id=request_id,
        retrieval_id=retrieval_id,
        institution=institution,
        target=target,
        state=RequestState.REQUESTED,
        reason="",
        attempts=0,
        next_attempt_at_ms=now_ms,
        created_at_ms=now_ms,
        settled_at_ms=None,
    )
    return request, asked


def _known(known: dict[tuple[Origin, int], Target], place: tuple[Origin, int]) -> Target:
    if place not in known:
        raise NotFoundByKeysError(*place)
    return known[place]
