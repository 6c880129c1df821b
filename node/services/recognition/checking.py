"""The check at order time: answered from this node's own index, durable before it is answered (docs/spec/recognition.md).

One leaf for each patient, clinician and hour is staged when the hour has ended (`CheckLeaves`): of the checks in which a
result of another institution was, and of orders that went ahead unchecked. A setting makes the hour shorter. Left out:
the rules (`node.recognition.check`), what may be shown (`order_results`).
"""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from itertools import groupby

from msgspec import UNSET

from node.domain.access import Actor
from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin
from node.domain.patient import PatientKeys
from node.domain.recognition import CheckOutcome, ItemCode, Offer, OrderLine, ReadLog
from node.domain.recognition_acts import CheckContent, CheckedLine, CheckedOrder, CheckId, OfferedResult
from node.domain.record import Kind, Part
from node.errors import UnknownCheckError
from node.identity.sealed import encode_patient_keys, parse_patient_keys
from node.ports.clock import Clock, unix_ms
from node.ports.keys.signing import NodeKeys
from node.ports.recognition.check_reads import CheckReadStore, KeptRead
from node.ports.recognition.checks import CheckStore, KeptCheck
from node.ports.recognition.views import KeptView
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.recognition.check import check_order
from node.services.catalogue.rulebook import Rulebook
from node.services.catalogue.unmapped import UnmappedCodes
from node.services.reading.finding_patients import PatientLike
from node.services.recognition.order_results import OrderResults
from node.services.recognition.view_links import ViewLink, ViewLinks
from node.services.records.entries import ActEntry, EntryComposer
from node.wire.recognition.read_logs import encode_read_logs, parse_read_logs, read_logs_digest
from node.wire.recognition.text import CHECKS_MEDIA_TYPE, CheckText, ReadHeads, encode_checks, parse_checks

CHECK_SEAL = "order-check"
"""Purpose under which checks are sealed for this node."""
READ_SEAL = "order-check-read"
"""Purpose under which it is sealed how far logs had been read."""
CHECKS_KIND = Kind("order-checks")
HOUR_MS = 3_600_000
"""What an hour is, unless a setting says that it is shorter."""
MAX_OFFERS = 16
"""Offers of an order line that a header names, besides those that alone answer an item; the body has all."""

_ID_BYTES = 16
_PRIVATE = 1
"""Class of what its writer and the patient find."""
_BATCH = 200
"""Leaves that are staged in one transaction."""
_KEPT_MS = 30 * 86_400_000
"""How long checks are kept on which nobody decided."""


@dataclass(frozen=True, slots=True)
class CheckOrder:
    """What is about to be ordered, for whom, by whom."""

    patient: PatientLike
    """For whom."""
    actor: Actor
    """By whom."""
    encounter: str
    """The encounter, or empty."""
    lines: tuple[OrderLine, ...]
    """What."""
    campus: str = ""
    """At which campus, by the institution's own code; empty where it names none."""


@dataclass(frozen=True, slots=True)
class CheckAnswer:
    """The answer to a check."""

    check_id: CheckId
    """Names it; a decision cites it."""
    outcome: CheckOutcome
    """What was found."""
    places: Mapping[LeafReference, tuple[Origin, int]]
    """Where each result was found: what a retrieval names."""
    warnings: Mapping[str, tuple[str, ...]]
    """The words, by language, line by line; none where nothing was found."""
    links: tuple[ViewLink, ...] = ()
    """One-time links to the results, for each order line that results of others answer; none without a public address."""


@dataclass(frozen=True, slots=True)
class CheckParts:
    """What the services are made of."""

    rules: Rulebook
    """Catalogue, maps, marks, prices."""
    results: OrderResults
    """What may be shown of a patient."""
    store: CheckStore
    """Keeps checks."""
    keys: NodeKeys
    """Seals them."""
    writer: RecordsWriter
    """The one writer."""
    clock: Clock
    """Tells the time."""
    unmapped: UnmappedCodes
    """Counts what could not be placed."""
    reads: CheckReadStore
    """Keeps how far logs had been read."""
    links: ViewLinks | None = None
    """Draws links to results; None where browsers do not reach this node."""
    hour_ms: int = HOUR_MS
    """Over how long checks of one patient and clinician share a leaf."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A check, and what is kept with it."""

    check: KeptCheck
    views: Sequence[KeptView]
    read: KeptRead | None


class _Keeping:
    """Keeps checks that were answered at the same time in one transaction: they share the disk's work."""

    def __init__(self, parts: CheckParts) -> None:
        self._store = parts.store
        self._reads = parts.reads
        self._views = None if parts.links is None else parts.links.store

    def run(self, transaction: RecordsTransaction, items: Sequence[_Kept]) -> Sequence[None]:
        """Keep checks, the links to their results, and how far logs had been read."""
        for each in items:
            self._store.keep(transaction, each.check)
        self._reads.keep(transaction, [each.read for each in items if each.read is not None])
        if self._views is not None:
            self._views.keep(transaction, [view for each in items for view in each.views])
        return [None] * len(items)


class OrderChecking:
    """Answers checks; any thread."""

    def __init__(self, parts: CheckParts) -> None:
        self._parts = parts
        self._keeping = _Keeping(parts)

    def check(self, institution: InstitutionId, order: CheckOrder) -> CheckAnswer:
        """Answer an order; what is answered is durable when this returns.

        Raises:
            NoProfileError: Nothing says by which rules the institution orders.
            UnknownPatientError: The institution has no keys under this number.
        """
        parts = self._parts
        index = parts.rules.ordering(institution)
        found = parts.results.find(institution, order.patient)
        outcome = check_order(index, order.encounter, order.lines, found.results, unix_ms(parts.clock))
        told = _concerned(outcome)
        # by all logs, not by those of the results alone: what was not found is a matter of the others
        sizes = {**{each.origin: 0 for each in outcome.results}, **found.read} if outcome.results else {}
        seen = encode_read_logs(sizes.items())
        text = self._text(order, told, sizes, seen)
        links, views = ([], []) if parts.links is None else parts.links.draw(text, order.patient, found.places)
        kept = self._keep(text, found.patient, views, is_due=outcome.has_foreign_hit, seen=seen)
        answer = CheckAnswer(text.check_id, told, found.places, parts.rules.warnings(outcome), tuple(links))
        # words are found while the disk is at work; nothing is answered before it is durable
        kept.result()
        parts.unmapped.checked(outcome)
        return answer

    def _text(self, order: CheckOrder, told: CheckOutcome, sizes: Mapping[Origin, int], seen: bytes) -> CheckText:
        read = tuple(ReadLog(origin, sizes[origin]) for origin in sorted({each.origin for each in told.results}))
        # taken after the look: everything that was read for it lies below
        notes = tuple(self._parts.results.head(each.origin) for each in read)
        return CheckText(
            check_id=_draw(),
            actor=order.actor,
            answered=True,
            outcome=told,
            read=read,
            campus=order.campus or UNSET,
            heads=ReadHeads(len(sizes), read_logs_digest(seen), notes) if sizes else UNSET,
        )

    def note_unchecked(self, institution: InstitutionId, order: CheckOrder) -> CheckId:
        """Note that an order went ahead because no answer came in time; it is logged whatever is known of the patient.

        Raises:
            NoProfileError: Nothing says by which rules the institution orders.
            UnknownPatientError: The institution has no keys under this number.
        """
        parts = self._parts
        index = parts.rules.ordering(institution)
        patient = parts.results.keys(institution, order.patient)
        outcome = _concerned(check_order(index, order.encounter, order.lines, (), unix_ms(parts.clock)))
        text = CheckText(_draw(), order.actor, answered=False, outcome=outcome, campus=order.campus or UNSET)
        self._keep(text, patient, (), is_due=True).result()
        parts.unmapped.checked(outcome)
        return text.check_id

    def _keep(
        self, text: CheckText, patient: PatientKeys, views: Sequence[KeptView], *, is_due: bool, seen: bytes = b""
    ) -> Future[None]:
        parts, outcome = self._parts, text.outcome
        kept = KeptCheck(
            check_id=text.check_id,
            institution=outcome.institution,
            checked_at_ms=outcome.checked_at_ms,
            hour_ms=outcome.checked_at_ms // parts.hour_ms * parts.hour_ms,
            is_due=is_due,
            outcome=parts.keys.seal(CHECK_SEAL, encode_checks([text])),
            patient=parts.keys.seal(CHECK_SEAL, encode_patient_keys(patient)),
        )
        # some hundred logs of like names: packed they are a tenth
        read = KeptRead(text.check_id, parts.keys.seal(READ_SEAL, zlib.compress(seen, 1))) if seen else None
        return parts.writer.submit_item(self._keeping, _Kept(kept, views, read))

    def recall_read(self, check_id: CheckId) -> tuple[ReadLog, ...] | None:
        """Return how far each followed log had been read for a check; None where that was not kept."""
        kept = self._parts.reads.read(check_id)
        return None if kept is None else parse_read_logs(zlib.decompress(self._parts.keys.open(READ_SEAL, kept.logs)))

    def recall(self, institution: InstitutionId, check_id: CheckId) -> tuple[CheckText, PatientKeys]:
        """Return a check as it was answered, and whose it was.

        Raises:
            UnknownCheckError: The institution made none of this id, or it is no longer kept.
        """
        kept = self._parts.store.check(institution, check_id)
        if kept is None:
            raise UnknownCheckError(check_id)
        return open_check(self._parts.keys, kept)


class CheckLeaves:
    """Stages check leaves when their hour has ended."""

    def __init__(
        self,
        parts: CheckParts,
        composer: EntryComposer,
        origins: Mapping[InstitutionId, Origin],
        staged: Callable[[Origin], None],
    ) -> None:
        self._parts = parts
        self._composer = composer
        self._origins = origins
        self._staged = staged

    def step(self) -> None:
        """Stage what is due, and forget checks that nobody needs any more; the step of a loop."""
        parts, now_ms = self._parts, unix_ms(self._parts.clock)
        for institution, hour_ms in parts.store.due_hours(now_ms - parts.hour_ms + 1):
            self._stage(institution, parts.store.due(institution, hour_ms))

        def forget(transaction: RecordsTransaction) -> None:
            parts.store.forget(transaction, now_ms - _KEPT_MS)
            parts.reads.forget(transaction)

        parts.writer.submit(forget).result()

    def _stage(self, institution: InstitutionId, kept: Sequence[KeptCheck]) -> None:
        opened = [open_check(self._parts.keys, each) for each in kept]
        # stable: within one clinician and patient, checks stay in their order
        opened.sort(key=lambda each: _group(*each))
        groups = [list(group) for _, group in groupby(opened, key=lambda each: _group(*each))]
        for start in range(0, len(groups), _BATCH):
            batch = groups[start : start + _BATCH]
            entries = [check_entry([text for text, _ in group], group[0][1]) for group in batch]
            logged = [text.check_id for group in batch for text, _ in group]

            def work(
                transaction: RecordsTransaction, entries: Sequence[ActEntry] = entries, logged: Sequence[CheckId] = logged
            ) -> None:
                # another step, of another thread or process, may have come first
                if self._parts.store.mark_logged(transaction, logged) == len(logged):
                    self._composer.stage(transaction, institution, entries)

            self._parts.writer.submit(work).result()
            self._staged(self._origins[institution])


def open_check(keys: NodeKeys, kept: KeptCheck) -> tuple[CheckText, PatientKeys]:
    """Open a check that this node sealed."""
    (text,) = parse_checks(keys.open(CHECK_SEAL, kept.outcome))
    return text, parse_patient_keys(keys.open(CHECK_SEAL, kept.patient))


def check_entry(checks: Sequence[CheckText], patient: PatientKeys) -> ActEntry:
    """Return the entry of one clinician's checks for one patient."""
    content = CheckContent(checks[0].actor, tuple(_checked(each) for each in checks))
    part = Part(CHECKS_MEDIA_TYPE, "checks", "", encode_checks(checks), "")
    performed_at_ms = checks[0].outcome.checked_at_ms
    return ActEntry(EntryType.CHECK_OUTCOME, CHECKS_KIND, content, (part,), performed_at_ms, patient, _PRIVATE)


def _concerned(outcome: CheckOutcome) -> CheckOutcome:
    """Return an outcome that pins what concerns it, and not the map of every institution of a region."""
    return replace(outcome, pins=outcome.concerned_pins)


def _checked(text: CheckText) -> CheckedOrder:
    outcome = text.outcome
    lines = tuple(CheckedLine(line.line, tuple(_offered(line.offers))) for line in outcome.lines)
    return CheckedOrder(
        check_id=text.check_id,
        encounter=outcome.encounter,
        checked_at_ms=outcome.checked_at_ms,
        lines=lines,
        pins=outcome.concerned_pins,
        answered=text.answered,
        campus=text.campus or "",
    )


def _offered(offers: Sequence[Offer]) -> Iterator[OfferedResult]:
    """Yield the newest offers, and of the others those that answer something more: every follower keeps this header."""
    answered: set[ItemCode] = set()
    for at, offer in enumerate(offers):
        items = tuple(each.item for each in offer.items)
        if at < MAX_OFFERS or not answered.issuperset(items):
            answered.update(items)
            yield OfferedResult(offer.leaf, offer.institution, items)


def _draw() -> CheckId:
    return CheckId(secrets.token_hex(_ID_BYTES))


def _group(text: CheckText, patient: PatientKeys) -> tuple[bytes, tuple[str, ...]]:
    actor = text.actor
    who = (actor.department, actor.staff_number, actor.licence_number, actor.authentication, actor.role)
    return patient.exchange_public_key, who
