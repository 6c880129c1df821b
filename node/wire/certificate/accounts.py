"""Whether a check accounts for each entry of a patient that stood below what had been read (docs/spec/look-again.md). Pure.

The rules are run on all that the patient's keys find there, as whoever checked had to. What the check says nothing of is
excused where it is no result, does not concern the order line, was replaced by another entry that stood there, or is opened by
a consent, which may have been revoked. Everything else is told as what it is: hidden, or not to be judged.

Left out: that the entries are in their logs and the patient's (`look_verification`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from node.domain.entry import EntryType, LeafReference
from node.domain.header import RelocationContent
from node.domain.look_verdict import Account, AccountedEntry
from node.domain.recognition import ItemCode, Obstacle, OfferedItem
from node.domain.record import Kind
from node.errors import CertificateContradictedError
from node.terminology.bundle import Terminology
from node.wire.certificate.entries import CertifiedEntries, CertifiedEntry, ShownResult, read_result, replaces
from node.wire.certificate.rules import judge_found

_RESULT: Final = Kind("exam-result")
"""The kind of records that answer orders."""
_GONE: Final = frozenset({Obstacle.SUPERSEDED, Obstacle.WITHDRAWN})
_Judged = Mapping[LeafReference, Mapping[ItemCode, OfferedItem | Obstacle]]


@dataclass(frozen=True, slots=True)
class FoundAgain:
    """A verified entry of the patient."""

    entry: CertifiedEntry
    """The entry."""
    epoch: int
    """The epoch whose key finds it."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What the check says, and what there is."""

    read: CertifiedEntries
    documents: Terminology
    results: Sequence[ShownResult]
    """All results that stood below what had been read, each once: those that were found, and those that the certificate shows."""
    judged: _Judged
    offered: Sequence[ShownResult]
    refused: Mapping[LeafReference, tuple[Obstacle, ...]]
    held: Collection[int]
    """Epochs whose keys whoever checked had."""

    def says(self, reference: LeafReference) -> Account | None:
        """Return what the check says of an entry; None where nothing."""
        if any(offer.leaf == reference for offer in self.read.line.offers):
            return Account.OFFERED
        if reference in self.refused:
            return Account.REFUSED
        is_unmapped = any(each.leaf == reference for each in self.read.check.outcome.unmapped)
        return Account.UNMAPPED if is_unmapped else None


def account_for(read: CertifiedEntries, documents: Terminology, found: Sequence[FoundAgain]) -> tuple[AccountedEntry, ...]:
    """Say of each entry whether the check accounts for it.

    Args:
        read: The certificate's entries.
        documents: The pinned documents, and maps beside them.
        found: All entries that the patient's keys find below what had been read.

    Raises:
        CertificateContradictedError: The documents do not have the institution that decided.
    """
    results = {each.entry.reference: result for each in found if (result := _result(each.entry)) is not None}
    opened = _opened(read, results.values())
    named = read.check.outcome.results
    told = _Told(
        read=read,
        documents=documents,
        results=opened,
        judged=judge_found(read, documents, opened),
        offered=[each for each in read.results if any(offer.leaf == each.reference for offer in read.line.offers)],
        refused={
            each.leaf: tuple(dict.fromkeys(item.obstacle for item in each.items)) for each in reversed(read.line.unrecognisable)
        },
        held={each.epoch for each in found if _reference(each, results) in named},
    )
    return tuple(_accounted(each, results.get(each.entry.reference), told) for each in found)


def _opened(read: CertifiedEntries, found: Iterable[ShownResult]) -> list[ShownResult]:
    """Return the results whose headers are open; what the certificate shows is there, whatever the file leaves closed or out."""
    read_to = {each.origin: each.size for each in read.check.read}
    early = [each for each in read.later if each.entry.proved.leaf_index < read_to.get(each.reference.origin, 0)]
    known = {each.reference: each for each in (*read.results, *early, *found) if each.content is not None}
    return [each for each in known.values() if each.content is not None and each.content.kind == _RESULT]


def _result(entry: CertifiedEntry) -> ShownResult | None:
    try:
        return read_result(entry)
    except CertificateContradictedError:
        return None


def _reference(found: FoundAgain, results: Mapping[LeafReference, ShownResult]) -> LeafReference:
    result = results.get(found.entry.reference)
    return found.entry.reference if result is None else result.reference


def _accounted(found: FoundAgain, result: ShownResult | None, told: _Told) -> AccountedEntry:
    proved, content = found.entry.proved, None if result is None else result.content
    if result is None:
        account = Account.CLOSED if proved.header is None else Account.OTHER_KIND
    else:
        account = told.says(result.reference) or _unsaid(result, told)
    reference = found.entry.reference if result is None else result.reference
    answers = told.judged.get(reference, {})
    by_rules = tuple(dict.fromkeys(each for each in answers.values() if isinstance(each, Obstacle)))
    replaced = None if result is None else _replaced_offer(result, told)
    return AccountedEntry(
        origin=proved.origin,
        institution=proved.institution,
        leaf_index=proved.leaf_index,
        epoch=found.epoch,
        entry_type=proved.entry_type,
        claimed_time_ms=proved.claimed_time_ms,
        account=account,
        obstacles=told.refused.get(reference, by_rules),
        items=tuple(answers),
        version=None if content is None else int(content.version),
        status="" if content is None else content.status,
        performed_at_ms=None if content is None else content.performed_at_ms,
        replaces=replaced.entry.proved.leaf_index if replaced is not None and account is Account.HIDDEN_VERSION else None,
        key_held=found.epoch in told.held,
    )


def _unsaid(result: ShownResult, told: _Told) -> Account:
    """Say what is to be made of a result of which the check says nothing."""
    content, relocation = result.content, result.entry.content
    if content is None:
        is_described = any(each.reference == result.reference or replaces(each, result) for each in told.results)
        return Account.REPLACED if is_described else Account.CLOSED
    if content.kind != _RESULT:
        return Account.OTHER_KIND
    if isinstance(relocation, RelocationContent) and relocation.consent_id is not None:
        return Account.BY_CONSENT
    if _replaced_offer(result, told) is not None:
        return Account.HIDDEN_VERSION
    return Account.REPLACED if _is_told_otherwise(result, told) else _by_rules(result, told)


def _by_rules(result: ShownResult, told: _Told) -> Account:
    """Say what the rules make of a result that stands."""
    if result.entry.proved.institution not in told.documents.maps:
        return Account.UNJUDGED
    answers = told.judged.get(result.reference)
    if not answers:
        return Account.NOT_CONCERNED
    counts = any(isinstance(each, OfferedItem) for each in answers.values())
    return Account.HIDDEN_OFFER if counts else Account.UNTOLD


def _replaced_offer(result: ShownResult, told: _Told) -> ShownResult | None:
    """Return the offer that a result amends or takes back: it was no longer what stood there."""
    return next((each for each in told.offered if replaces(result, each)), None)


def _is_told_otherwise(result: ShownResult, told: _Told) -> bool:
    """Tell whether another entry stands for it: one that replaces it, or the record, told as taken back, for what takes it back."""
    if any(replaces(each, result) for each in told.results):
        return True
    if result.entry_type is not EntryType.WITHDRAWAL:
        return False
    taken_back = [each for each in told.read.results if replaces(result, each)]
    return any(_GONE.intersection(told.refused.get(each.reference, ())) for each in taken_back)
