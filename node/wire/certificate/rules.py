"""Run the rules of recognition again, on a certificate's own documents and headers (docs/spec/decision-certificate.md). Pure.

What was offered must have counted: mark and certificate on the day it was performed, scope, window, unit, method, images. What was
refused must not have. Price, saving and the decision itself must be what `node.recognition` makes of them. What rests on
knowledge of that moment (a frozen log, a version that replaced another) is compared only where the certificate shows it.

Left out: that entries are what they are (`entries`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, replace
from typing import Final

from node.domain.entry import LeafReference, Level
from node.domain.found_result import FoundResult
from node.domain.recognition import (
    CheckOutcome,
    Coverage,
    DecisionOutcome,
    ItemCode,
    Obstacle,
    Offer,
    OfferedItem,
    OrderableCheck,
    Reachability,
    RefusedItem,
    UnrecognisableResult,
)
from node.domain.recognition_acts import OfferedResult
from node.errors import (
    CertificateContradictedError,
    DecisionError,
    DecisionRefutedError,
    NoProfileError,
    RefusalRefutedError,
    ResultRefutedError,
    RetrievalUnprovedError,
)
from node.recognition.check import check_order, has_images
from node.recognition.decision import DecisionBasis, Recognise, Reorder, decide
from node.recognition.index import OrderingIndex, RecognitionIndex
from node.terminology.bundle import Terminology
from node.terminology.maps import Orderable
from node.wire.certificate.entries import CertifiedEntries, ShownResult

KNOWN_THEN: Final = frozenset({Obstacle.WITHDRAWN, Obstacle.SUPERSEDED, Obstacle.RECALLED, Obstacle.LOG_FROZEN})
"""Obstacles that rest on what was known at that moment, and that a certificate need not show."""
_NEVER_SHOWN: Final = frozenset({Obstacle.RECALLED, Obstacle.LOG_FROZEN})
"""Those of them that no certificate of this version shows."""

_ANY_AGE_MS: Final = 2**62
_Answers = Mapping[tuple[LeafReference, ItemCode], OfferedItem | Obstacle]


class RulesAgain:
    """The rules, as the pinned documents have them for whoever decided."""

    def __init__(self, read: CertifiedEntries, documents: Terminology) -> None:
        """Prepare the rules; loads the library of units, about two seconds the first time.

        Raises:
            CertificateContradictedError: The documents do not have the institution.
        """
        self._read = read
        self._index = _ordering(documents, read)
        # Units that only the map of an uninvolved institution names are not in the pinned documents; of two units
        # UCUM alone says whether they compare, so that those of the headers are let in, and compared by the same rules.
        self._wide = _ordering(_with_units(documents, read.results), read)

    def verify(self, retrieved: AbstractSet[LeafReference]) -> int:
        """Verify check and decision; return how many refusals rest on the institution's word alone.

        Args:
            retrieved: Results whose retrieval receipts prove.

        Raises:
            DecisionRefutedError, ResultRefutedError, RefusalRefutedError, RetrievalUnprovedError: The rules say another thing.
        """
        line, outcome = self._read.line, self._read.check.outcome
        orderable = self._verify_line(line, outcome)
        found = self._found()
        answers = [_answers(index, self._read, found) for index in (self._index, self._wide)]
        shown = {each.reference: each for each in self._read.results}
        for offer in line.offers:
            self._verify_offer(offer, shown[offer.leaf], answers, orderable)
        asserted = 0
        for refused in line.unrecognisable:
            result = shown[refused.leaf]
            _verify_told(refused, result, outcome.checked_at_ms)
            for item in refused.items:
                asserted += _verify_refusal(result, item, answers)
        self._verify_decision(retrieved)
        return asserted

    def _verify_line(self, line: OrderableCheck, outcome: CheckOutcome) -> Orderable | None:
        orderable = self._index.orderables.get(line.line.orderable)
        if orderable is None and line.offers:
            raise DecisionRefutedError("check.offers")
        bare = check_order(self._index, outcome.encounter, (line.line,), (), outcome.checked_at_ms).lines[0]
        answered = frozenset(item.item for offer in line.offers for item in offer.items)
        missing = tuple(item for item in bare.items if item not in answered)
        saving_fen = 0 if orderable is None else self._index.tariff(orderable, outcome.checked_at_ms).saving_fen(answered)
        again = replace(
            bare,
            coverage=Coverage.NOT if not answered else Coverage.PARTLY if missing else Coverage.COVERED,
            missing=missing,
            offers=line.offers,
            unrecognisable=line.unrecognisable,
            saving_fen=saving_fen,
        )
        _same(line, again, "check.")
        return orderable

    def _found(self) -> list[FoundResult]:
        """Return what had been found: the results that were shown, and replacements that had been read by then."""
        read_to = {each.origin: each.size for each in self._read.check.read}
        early = [each for each in self._read.later if each.entry.proved.leaf_index < read_to.get(each.reference.origin, 0)]
        return _found(self._read, (*self._read.results, *early))

    def _verify_offer(self, offer: Offer, result: ShownResult, answers: Sequence[_Answers], orderable: Orderable | None) -> None:
        checked_at_ms, institution = self._read.check.outcome.checked_at_ms, result.entry.proved.institution
        if result.content is None or orderable is None:
            return
        _verify_told(offer, result, checked_at_ms)
        for item in offer.items:
            found = [each.get((offer.leaf, item.item), Obstacle.UNMAPPED) for each in answers]
            if item not in found:
                raise ResultRefutedError(
                    offer.leaf.origin,
                    offer.leaf.leaf_hash.hex(),
                    _why(found[-1], "it counts with another mark, or by another certificate"),
                )
        saving_fen = self._index.tariff(orderable, checked_at_ms).saving_fen({each.item for each in offer.items})
        facts = (offer.own, offer.images_at_hand, offer.saving_fen)
        if facts != (institution == self._index.institution, has_images(result.content), saving_fen):
            raise ResultRefutedError(offer.leaf.origin, offer.leaf.leaf_hash.hex(), "its saving, its images or whose it is")

    def _verify_decision(self, retrieved: AbstractSet[LeafReference]) -> None:
        read, decision, line = self._read, self._read.text.decision, self._read.line
        offers = {offer.leaf: offer for offer in line.offers}
        for leaf in decision.recognised:
            if leaf in offers and not offers[leaf].own and leaf not in retrieved:
                raise RetrievalUnprovedError(leaf.origin, leaf.leaf_hash.hex())
        wish: Recognise | Reorder = Reorder(decision.reason, decision.sub_reason, decision.free_text)
        if decision.outcome is DecisionOutcome.RECOGNISED:
            wish = Recognise(decision.recognised)
        # how old a check may be is a setting of the node, not of the documents: the age is shown instead
        basis = DecisionBasis(read.check.outcome, frozenset(retrieved), _ANY_AGE_MS)
        try:
            again = decide(self._index, line.line.order_id, wish, basis, decision.decided_at_ms)
        except DecisionError as error:
            raise DecisionRefutedError(f"{type(error).__name__}: {error}") from error
        _same(decision, again, "")
        used = tuple(
            OfferedResult(offer.leaf, offer.institution, tuple(each.item for each in offer.items))
            for offer in line.offers
            if offer.leaf in decision.recognised
        )
        if used != read.text.results:
            raise DecisionRefutedError("the results that it uses are not told as they were offered")


def judge_found(
    read: CertifiedEntries, documents: Terminology, results: Sequence[ShownResult]
) -> Mapping[LeafReference, Mapping[ItemCode, OfferedItem | Obstacle]]:
    """Return what each of some results is good for on a certificate's order line, by the rules; what it does not concern is absent.

    Args:
        read: The certificate's entries.
        documents: The pinned documents, and maps beside them.
        results: All that was found, whatever the check said of it.

    Raises:
        CertificateContradictedError: The documents do not have the institution that decided.
    """
    found = _found(read, results)
    bare, wide = (_answers(_ordering(each, read), read, found) for each in (documents, _with_units(documents, results)))
    judged: dict[LeafReference, dict[ItemCode, OfferedItem | Obstacle]] = {}
    for (leaf, item), answer in wide.items():
        narrow = bare.get((leaf, item), Obstacle.UNMAPPED)
        # a unit that none of these documents names may have been named by another: it counts where both say so
        judged.setdefault(leaf, {})[item] = narrow if isinstance(answer, OfferedItem) else answer
    return judged


def _found(read: CertifiedEntries, results: Sequence[ShownResult]) -> list[FoundResult]:
    """Return results as the rules take them; what was known of them then is what the check says."""
    frozen, recalled = _stated(read, Obstacle.LOG_FROZEN), _stated(read, Obstacle.RECALLED)
    return [
        FoundResult(
            content=each.content,
            entry_type=each.entry_type,
            institution=each.entry.proved.institution,
            leaf=each.reference,
            level=Level.LOGGED,
            reachability=Reachability.UNKNOWN,
            frozen=each.reference in frozen,
            recalled=each.reference in recalled,
        )
        for each in results
        if each.content is not None
    ]


def _stated(read: CertifiedEntries, obstacle: Obstacle) -> frozenset[LeafReference]:
    """Return the results that were refused for a reason."""
    refused = read.line.unrecognisable
    return frozenset(each.leaf for each in refused if any(item.obstacle is obstacle for item in each.items))


def _ordering(documents: Terminology, read: CertifiedEntries) -> OrderingIndex:
    try:
        return RecognitionIndex(documents).ordering(read.check.outcome.institution)
    except NoProfileError as error:
        raise CertificateContradictedError("the pinned documents do not have the institution that decided") from error


def _with_units(documents: Terminology, results: Sequence[ShownResult]) -> Terminology:
    units = {item.unit for each in results if each.content is not None for item in each.content.items if item.unit}
    items = tuple(
        replace(each, other_units=(*each.other_units, *sorted(units - {each.unit, *each.other_units})))
        for each in documents.catalogue.items
    )
    return replace(documents, catalogue=replace(documents.catalogue, items=items))


def _answers(index: OrderingIndex, read: CertifiedEntries, found: Sequence[FoundResult]) -> _Answers:
    """Return what each result is good for, item by item."""
    outcome = read.check.outcome
    again = check_order(index, outcome.encounter, (read.line.line,), found, outcome.checked_at_ms).lines[0]
    answers: dict[tuple[LeafReference, ItemCode], OfferedItem | Obstacle] = {}
    for offer in again.offers:
        answers |= {(offer.leaf, each.item): each for each in offer.items}
    for refused in again.unrecognisable:
        answers |= {(refused.leaf, each.item): each.obstacle for each in refused.items}
    return answers


def _verify_refusal(result: ShownResult, refused: RefusedItem, answers: Sequence[_Answers]) -> bool:
    """Verify a refusal; tell whether it rests on the institution's word alone."""
    stated, leaf = refused.obstacle, result.reference
    found = [each.get((leaf, refused.item), Obstacle.UNMAPPED) for each in answers]
    if stated in found:
        return stated in _NEVER_SHOWN
    if result.content is None or stated in KNOWN_THEN:
        return True
    raise RefusalRefutedError(leaf.origin, leaf.leaf_hash.hex(), stated.value, _why(found[0], "it counts"))


def _verify_told(told: Offer | UnrecognisableResult, result: ShownResult, checked_at_ms: int) -> None:
    if result.content is None:
        return
    performed_at_ms = result.content.performed_at_ms
    facts = (result.entry.proved.institution, performed_at_ms, checked_at_ms - performed_at_ms)
    if (told.institution, told.performed_at_ms, told.age_ms) != facts:
        raise ResultRefutedError(told.leaf.origin, told.leaf.leaf_hash.hex(), "its institution, its time or its age")


def _same(stated: object, again: object, place: str) -> None:
    """Check that two of a kind are equal, and name the first field that is not."""
    for field in fields(stated):  # type: ignore[arg-type]  # dataclasses, both
        one, other = getattr(stated, field.name), getattr(again, field.name)
        if one != other:
            numbers = (one, other) if field.name.endswith("_fen") else (None, None)
            raise DecisionRefutedError(f"{place}{field.name}", *numbers)


def _why(found: OfferedItem | Obstacle, counts: str) -> str:
    return found.value if isinstance(found, Obstacle) else counts
