"""What the entries of a decision certificate say, and whether they belong together (docs/spec/decision-certificate.md). Pure.

Lines are verified before (`bundle_verification`). Here each is read as the part that it plays: the decision and the check that
it cites, the results that were shown, receipts of theirs in the order of the log, versions that came later, one person in
all of them. Left out: whether the rules say the same (`rules`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.hashing import hash_leaf
from node.domain.access import AccessContent, AccessOutcome, AccessSide
from node.domain.entry import EntryType, LeafReference
from node.domain.header import AnyContent, HeaderContent, RelocationContent
from node.domain.recognition import OrderableCheck
from node.domain.recognition_acts import CheckContent, DecisionContent, ReversalContent
from node.domain.verdict import ProvedLine, Verdict
from node.errors import CertificateContradictedError, ForeignPatientError
from node.wire.certificate.file import DecisionCertificate
from node.wire.recognition.decision_summary import SUMMARY_MEDIA_TYPE
from node.wire.recognition.text import (
    CHECKS_MEDIA_TYPE,
    DECISION_MEDIA_TYPE,
    CheckText,
    DecisionText,
    decision_content,
    parse_checks,
    parse_decision,
)

RESULT_TYPES: Final = frozenset({EntryType.RECORD, EntryType.AMENDMENT, EntryType.WITHDRAWAL})

_END_MS: Final = 253_370_764_800_000
"""The year 9999."""
_MAX_APART_MS: Final = 300_000
"""Between a decision's time, which says whose price holds, and that of its leaf, which followers look at."""


@dataclass(frozen=True, slots=True)
class CertifiedEntry:
    """A verified line."""

    proved: ProvedLine
    """What was proved of it."""
    reference: LeafReference
    """By which other entries name it."""

    @property
    def content(self) -> AnyContent | None:
        """Return what its header says; None where that is gone."""
        return None if self.proved.header is None else self.proved.header.content


@dataclass(frozen=True, slots=True)
class ShownResult:
    """A result that was shown for the order line."""

    entry: CertifiedEntry
    """The entry that describes it: its own, or of a relocation."""
    reference: LeafReference
    """By which the check names it."""
    entry_type: EntryType
    """1, 2 or 3."""
    content: HeaderContent | None
    """What its header says; None where that is gone."""


@dataclass(frozen=True, slots=True)
class ShownReceipt:
    """An access receipt."""

    entry: CertifiedEntry
    """Its entry."""
    content: AccessContent
    """What it says."""


@dataclass(frozen=True, slots=True)
class CertifiedEntries:
    """All entries, each read as the part that it plays."""

    decision: CertifiedEntry
    """The decision."""
    content: DecisionContent
    """Its header."""
    text: DecisionText
    """Its body."""
    evidence: Verdict
    """What proves it."""
    check_entry: CertifiedEntry | None
    """The check's entry; None where it is not logged yet."""
    check: CheckText
    """The check."""
    line: OrderableCheck
    """The order line that was decided on."""
    reversal: CertifiedEntry | None
    """What takes the decision back."""
    results: tuple[ShownResult, ...]
    """Results that were shown."""
    later: tuple[ShownResult, ...]
    """Versions that replace one of them."""
    receipts: tuple[ShownReceipt, ...]
    """Receipts."""


def read_entries(certificate: DecisionCertificate, lines: Sequence[ProvedLine]) -> CertifiedEntries:
    """Read verified lines as the parts that they play.

    Raises:
        WireError: A body is none.
        CertificateContradictedError: They do not belong together.
        ForeignPatientError: One is of another person.
    """
    entries = [
        CertifiedEntry(proved, LeafReference(proved.origin, hash_leaf(line.leaf)))
        for proved, line in zip(lines, certificate.lines, strict=True)
    ]
    decision = entries[certificate.decision]
    content, text, evidence = _read_decision(decision)
    check_entry = None if certificate.check is None else entries[certificate.check]
    check = _read_check(certificate, check_entry, decision, content)
    line = next((each for each in check.outcome.lines if each.line == content.line), None)
    if line is None:
        raise CertificateContradictedError("the check has no such order line")
    results = tuple(read_result(entries[at]) for at in certificate.results)
    stated = [*(offer.leaf for offer in line.offers), *(refused.leaf for refused in line.unrecognisable)]
    _require(
        [each.reference for each in results] == list(dict.fromkeys(stated)),
        "other results than the check shows, or in another order",
    )
    read = CertifiedEntries(
        decision=decision,
        content=content,
        text=text,
        evidence=evidence,
        check_entry=check_entry,
        check=check,
        line=line,
        reversal=None if certificate.reversal is None else _read_reversal(entries[certificate.reversal], decision, content),
        results=results,
        later=tuple(_read_later(entries[at], results) for at in certificate.later),
        receipts=tuple(_read_receipt(entries[at]) for at in certificate.receipts),
    )
    _verify_person(certificate, entries)
    return read


def receipts_of(read: CertifiedEntries) -> Mapping[LeafReference, tuple[ShownReceipt, ShownReceipt | None]]:
    """Return, by result, the last receipt of whoever decided that stands before the decision, with the holder's.

    Raises:
        CertificateContradictedError: A receipt shows no retrieval of a result before the decision.
    """
    found: dict[LeafReference, tuple[ShownReceipt, ShownReceipt | None]] = {}
    left = list(read.receipts)
    for result in read.results:
        own = [each for each in left if _is_retrieval(each, result, read.decision)]
        if own:
            receipt = max(own, key=lambda each: each.entry.proved.leaf_index)
            other = next((each for each in left if _is_other_side(each, receipt, result, read.decision)), None)
            found[result.reference] = receipt, other
    used = [each for pair in found.values() for each in pair if each is not None]
    _require(all(each in used for each in left), "a receipt shows no retrieval of a result before the decision")
    return found


def _read_decision(entry: CertifiedEntry) -> tuple[DecisionContent, DecisionText, Verdict]:
    content, evidence = entry.content, entry.proved.evidence
    if (
        not isinstance(content, DecisionContent)
        or entry.proved.entry_type is not EntryType.RECOGNITION_DECISION
        or evidence is None
    ):
        raise CertificateContradictedError("the decision's entry is none, or its body is closed")
    text = parse_decision(_body(evidence, DECISION_MEDIA_TYPE, "decision", also=SUMMARY_MEDIA_TYPE))
    _require(decision_content(text, content.pins) == content, "the decision's header says other things than its body")
    _check_time(content.decided_at_ms, "decision")
    apart_ms = abs(entry.proved.claimed_time_ms - content.decided_at_ms)
    _require(apart_ms <= _MAX_APART_MS, "the decision's time is another one than its entry claims")
    _require(content.actor.institution == entry.proved.institution, "whoever decided is of another institution than the log")
    return content, text, evidence


def _read_check(
    certificate: DecisionCertificate, entry: CertifiedEntry | None, decision: CertifiedEntry, content: DecisionContent
) -> CheckText:
    if entry is None:
        checks = parse_checks(certificate.check_text or b"")
        _require(len(checks) == 1, "the asserted text holds more than the check, or none")
    else:
        header, evidence = entry.content, entry.proved.evidence
        own = entry.proved.origin == decision.proved.origin and entry.proved.entry_type is EntryType.CHECK_OUTCOME
        if not own or not isinstance(header, CheckContent) or evidence is None:
            raise CertificateContradictedError("the check's entry is none of that log, or its body is closed")
        checks = parse_checks(_body(evidence, CHECKS_MEDIA_TYPE, "check"))
        stated = {each.check_id: (each.checked_at_ms, each.pins) for each in header.checks}
        _require(
            {each.check_id: (each.outcome.checked_at_ms, each.outcome.concerned_pins) for each in checks} == stated,
            "the check's header says other things than its body",
        )
    check = next((each for each in checks if each.check_id == content.check_id), None)
    if check is None:
        raise CertificateContradictedError("the decision cites another check")
    outcome = check.outcome
    _check_time(outcome.checked_at_ms, "check")
    _require(outcome.institution == decision.proved.institution, "the check is another institution's")
    _require(outcome.encounter == content.encounter, "the check is of another encounter")
    _require(outcome.concerned_pins == content.pins, "check and decision pin other documents")
    return check


def _read_reversal(entry: CertifiedEntry, decision: CertifiedEntry, content: DecisionContent) -> CertifiedEntry:
    header, evidence = entry.content, entry.proved.evidence
    fits = (
        isinstance(header, ReversalContent)
        and entry.proved.entry_type is EntryType.RECOGNITION_DECISION
        and (header.decision, header.decision_id) == (decision.reference, content.decision_id)
        and entry.proved.origin == decision.proved.origin
        and entry.proved.leaf_index > decision.proved.leaf_index
        and evidence is not None
        and evidence.supersedes == decision.reference
    )
    _require(fits, "what takes the decision back is of another decision")
    return entry


def read_result(entry: CertifiedEntry) -> ShownResult:
    """Read a verified line as a result: its own entry, or a relocation that describes it.

    Raises:
        CertificateContradictedError: It is none.
    """
    proved, content = entry.proved, entry.content
    if isinstance(content, RelocationContent) and proved.entry_type is EntryType.RELOCATION:
        _require(content.target.origin == proved.origin, "a relocation describes a result of another log")
        return ShownResult(entry, content.target, EntryType(content.target_type), content.record)
    fits = proved.entry_type in RESULT_TYPES and (content is None or isinstance(content, HeaderContent))
    _require(fits, "a result's entry is none")
    return ShownResult(entry, entry.reference, proved.entry_type, content if isinstance(content, HeaderContent) else None)


def _read_later(entry: CertifiedEntry, results: Sequence[ShownResult]) -> ShownResult:
    later = read_result(entry)
    _require(
        any(replaces(later, each) for each in results) and later.reference not in {each.reference for each in results},
        "a later version is of none of the results",
    )
    return later


def replaces(later: ShownResult, result: ShownResult) -> bool:
    """Tell whether an entry amends or withdraws a result: it says so, or is a higher version of its record, in its log."""
    one, other = later.content, result.content
    if one is None or later.reference.origin != result.reference.origin:
        return False
    is_newer = other is not None and one.record_id == other.record_id and one.version > other.version
    return is_newer or one.supersedes == result.reference


def _read_receipt(entry: CertifiedEntry) -> ShownReceipt:
    content = entry.content
    if not isinstance(content, AccessContent) or entry.proved.entry_type is not EntryType.ACCESS_RECEIPT:
        raise CertificateContradictedError("a receipt's entry is none")
    return ShownReceipt(entry, content)


def _is_retrieval(receipt: ShownReceipt, result: ShownResult, decision: CertifiedEntry) -> bool:
    """Tell whether whoever decided logged, before the decision, that it retrieved and verified a result."""
    content, at = receipt.content, receipt.entry.proved
    return (
        at.origin == decision.proved.origin
        and at.leaf_index < decision.proved.leaf_index
        and content.side is AccessSide.REQUESTER
        and content.outcome is AccessOutcome.DISCLOSED
        and content.counterpart == result.entry.proved.institution
        and result.reference in content.subjects
    )


def _is_other_side(other: ShownReceipt, receipt: ShownReceipt, result: ShownResult, decision: CertifiedEntry) -> bool:
    content = other.content
    return (
        other.entry.proved.institution == result.entry.proved.institution
        and content.request_id == receipt.content.request_id
        and content.side is AccessSide.HOLDER
        and content.outcome is AccessOutcome.DISCLOSED
        and content.counterpart == decision.proved.institution
        and result.reference in content.subjects
    )


def _verify_person(certificate: DecisionCertificate, entries: Sequence[CertifiedEntry]) -> None:
    """Check that all pseudonyms are one: entries without one are passed over."""
    single = (("decision", certificate.decision), ("reversal", certificate.reversal), ("check", certificate.check))
    parts = [(part, at) for part, at in single if at is not None]
    for part, places in (("result", certificate.results), ("later version", certificate.later), ("receipt", certificate.receipts)):
        parts += [(part, at) for at in places]
    known = [(part, pseudonym) for part, at in parts if (pseudonym := _pseudonym(entries[at])) is not None]
    for part, pseudonym in known:
        if pseudonym != known[0][1]:
            raise ForeignPatientError(part)


def _pseudonym(entry: CertifiedEntry) -> bytes | None:
    return None if entry.proved.header is None else entry.proved.header.pseudonym


def _check_time(at_ms: int, part: str) -> None:
    """Refuse what no calendar has: the rules look days up."""
    if not 0 <= at_ms < _END_MS:
        raise CertificateContradictedError(f"the {part} has a time beyond all calendars")


def _body(evidence: Verdict, media_type: str, part: str, also: str | None = None) -> bytes:
    """Return the one body that is opened; beside it another part may be, which was compared with it."""
    opened = [each.media_type for each in evidence.parts]
    if opened[:1] != [media_type] or opened[1:] not in ([], [also]):
        raise CertificateContradictedError(f"the body of the {part} is not opened")
    return evidence.parts[0].content


def _require(holds: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise CertificateContradictedError(what)
