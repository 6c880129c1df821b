"""Whether a disclosure lay within what its consent's document says: to whom, what for, of whom (docs/spec/consent.md).

Pure. Every consent that a member takes to the chain has a document (type 7) in that member's log before it. Its header is sealed
for supervision and names grantee, purposes and, by pseudonym, the person; a receipt names requester, purpose and person. Of several
documents of one consent it is enough that one fits. A document that comes after the disclosure heals nothing.

Left out: whether the consent stood on chain (`consented`); kinds, items, labels and period of care, which stand in the document's
part, for the patient; and whose key granted it, which nobody but those who have the patient's keys can tell
(docs/operations/supervision-evasion.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType

from node.domain.access import AccessContent, AccessSide, ConsentContent, ConsentId, Purpose
from node.domain.entry import InstitutionId
from node.supervision.consented import TOLERANCE_MS, use_of
from node.supervision.findings import EntryPlace, FindingCode, SupervisionFinding

PersonName = NewType("PersonName", bytes)
"""Stands for a person's pseudonym: equal ones are of one person. Empty where the entry has none."""

DOCUMENT_GRACE_MS: Final = 24 * 3_600_000
"""How much later than a receipt a document may be read: its log may not have been followed."""
_MINUTE_MS: Final = 60_000
"""To what leaves round their times."""
_ID_DIGITS: Final = 16


class ScopeAnswer(StrEnum):
    """What of a consent's document does not fit; part of the key of a finding's words."""

    OTHER_GRANTEE = "other_grantee"
    """Somebody else may read under it."""
    OTHER_PURPOSE = "other_purpose"
    """It is for something else."""
    OTHER_PERSON = "other_person"
    """Somebody else's consent it is."""
    LATER = "later"
    """It was logged after the disclosure."""


@dataclass(frozen=True, slots=True)
class ScopedUse:
    """A receipt by which something was disclosed under a consent."""

    place: EntryPlace
    """The receipt."""
    institution: InstitutionId
    """Whose log it is in."""
    side: AccessSide
    """Which side wrote it."""
    consent: ConsentId
    """The consent that it names."""
    requester: InstitutionId
    """Who read."""
    purpose: Purpose
    """What for."""
    person: PersonName
    """Of whom."""
    moment_ms: int
    """When it was, unix ms."""


@dataclass(frozen=True, slots=True)
class ConsentDocumented:
    """A consent document that grants."""

    place: EntryPlace
    """The document."""
    consent: ConsentId
    """The consent."""
    grantee: InstitutionId
    """Who may read."""
    purposes: tuple[Purpose, ...]
    """What for."""
    person: PersonName
    """Who grants."""
    logged_at_ms: int
    """When, as its leaf claims, unix ms."""


def scoped_use(
    access: AccessContent, institution: InstitutionId, place: EntryPlace, person: PersonName, seen_at_ms: int
) -> ScopedUse | None:
    """Return what a receipt says of what a consent covers; None where nothing was disclosed to another institution under one."""
    use = use_of(access, institution, place, seen_at_ms)
    if use is None:
        return None
    requester = institution if access.side is AccessSide.REQUESTER else access.counterpart
    return ScopedUse(place, institution, access.side, use.consent, requester, access.purpose, person, use.moment_ms)


def documented(content: ConsentContent, place: EntryPlace, person: PersonName, logged_at_ms: int) -> ConsentDocumented | None:
    """Return what a consent document grants; None for one that revokes."""
    if content.revoked:
        return None
    return ConsentDocumented(place, content.consent_id, content.grantee, content.purposes, person, logged_at_ms)


def judge_scope(
    use: ScopedUse, documents: Sequence[ConsentDocumented], of_subjects: frozenset[PersonName]
) -> SupervisionFinding | None:
    """Return what is wrong with a disclosure by the documents of its consent, or None.

    Args:
        use: The receipt.
        documents: All documents that grant this consent, of whatever log.
        of_subjects: Whose the disclosed records are, by their own headers.
    """
    if not documents:
        return _finding(FindingCode.CONSENT_UNDOCUMENTED, use, None)
    ordered = sorted(documents, key=lambda each: each.place)
    answers = [_misfit(use, each, of_subjects) for each in ordered]
    if None in answers:
        return None
    answer = next(each for each in answers if each is not None)
    values = (("requester", use.requester), ("purpose", use.purpose.value), ("answer", answer.value))
    return _finding(FindingCode.ACCESS_OUTSIDE_CONSENT, use, ordered[0].place, values)


def needs_subjects(use: ScopedUse, documents: Sequence[ConsentDocumented]) -> bool:
    """Tell whether it matters whose the disclosed records are: a code that was changed since gives a person another pseudonym."""
    return all(_misfit(use, each, frozenset()) is not None for each in documents)


def _misfit(use: ScopedUse, document: ConsentDocumented, of_subjects: frozenset[PersonName]) -> ScopeAnswer | None:
    if document.grantee != use.requester:
        return ScopeAnswer.OTHER_GRANTEE
    if use.purpose not in document.purposes:
        return ScopeAnswer.OTHER_PURPOSE
    persons = {use.person, *of_subjects} - {PersonName(b"")}
    if document.person and persons and document.person not in persons:
        return ScopeAnswer.OTHER_PERSON
    if document.logged_at_ms > use.moment_ms + TOLERANCE_MS + _MINUTE_MS:
        return ScopeAnswer.LATER
    return None


def _finding(
    code: FindingCode, use: ScopedUse, document: EntryPlace | None, values: tuple[tuple[str, str], ...] = ()
) -> SupervisionFinding:
    entries = tuple(sorted({use.place, *(() if document is None else (document,))}))
    named = (("side", use.side.value), ("consent", use.consent.hex()[:_ID_DIGITS]), *values)
    return SupervisionFinding(code, (use.institution,), f"{use.place.origin}#{use.place.leaf_index}", entries, named)
