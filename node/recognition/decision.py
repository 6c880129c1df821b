"""The decision on an order line: recognised, or ordered again for a reason (国卫医发 2022 No. 6, docs/spec/catalogue.md).

- Recognised needs a verified retrieval of every result that is used, and each must have been offered by the check.
- Ordered again needs a reason where an offer stood; a region may let it pass with a warning. A sub-reason is one of the
  region's, or `unretrievable`, which no one can claim of a result that was retrieved. `Other` needs a sub-reason or words.
Left out: who may decide, that one decision stands for an order line at a time, logging, telling the issuer (services); what a
stale check is (`max_check_age_ms`, a setting).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from node.domain.entry import LeafReference
from node.domain.recognition import (
    UNRETRIEVABLE,
    CheckOutcome,
    Decision,
    DecisionOutcome,
    OrderableCheck,
    Reason,
    ReasonCode,
)
from node.errors import (
    MalformedReasonError,
    NotOfferedError,
    ReasonMissingError,
    RetrievalMissingError,
    StaleCheckError,
    UnknownOrderLineError,
)
from node.recognition.index import OrderingIndex
from node.terminology.regions import RegionRules, WithoutReason

MAX_FREE_TEXT_CHARS: Final = 500


@dataclass(frozen=True, slots=True)
class Recognise:
    """A clinician uses results of others."""

    results: tuple[LeafReference, ...]
    """Offers of the check."""


@dataclass(frozen=True, slots=True)
class Reorder:
    """A clinician orders again."""

    reason: Reason | None
    """Why; None where nothing was said."""
    sub_reason: ReasonCode | None = None
    """The region's sub-reason."""
    free_text: str = ""
    """In the clinician's words."""


@dataclass(frozen=True, slots=True)
class DecisionBasis:
    """What a decision rests on."""

    check: CheckOutcome
    """The check that the clinician saw."""
    verified: frozenset[LeafReference]
    """Results that this institution retrieved for this patient and verified; its own need no retrieval."""
    max_check_age_ms: int
    """How old the check may be."""


def decide(index: OrderingIndex, order_id: str, wish: Recognise | Reorder, basis: DecisionBasis, now_ms: int) -> Decision:
    """Decide on one order line.

    Args:
        index: The rules and prices of the ordering institution, in the versions of the check.
        order_id: The order line.
        wish: What the clinician wants.
        basis: What it rests on.
        now_ms: Now, unix ms.

    Raises:
        UnknownOrderLineError: The check has no such line.
        StaleCheckError: The check is too old.
        NotOfferedError: A result was not offered for this line.
        RetrievalMissingError: A result was not retrieved and verified.
        ReasonMissingError: An offer stood, and no reason was given.
        MalformedReasonError: No such reason, or one that contradicts what is known.
    """
    check = next((each for each in basis.check.lines if each.line.order_id == order_id), None)
    if check is None:
        raise UnknownOrderLineError
    if not 0 <= now_ms - basis.check.checked_at_ms <= basis.max_check_age_ms:
        raise StaleCheckError
    if isinstance(wish, Recognise):
        return _recognise(index, check, wish, basis, now_ms)
    return _reorder(index.region_rules, check, wish, basis, now_ms)


def _recognise(index: OrderingIndex, check: OrderableCheck, wish: Recognise, basis: DecisionBasis, now_ms: int) -> Decision:
    offers = {offer.leaf: offer for offer in check.offers}
    used = tuple(dict.fromkeys(wish.results))
    if not used or any(leaf not in offers for leaf in used):
        raise NotOfferedError
    if any(leaf not in basis.verified and not offers[leaf].own for leaf in used):
        raise RetrievalMissingError
    answered = frozenset(each.item for leaf in used for each in offers[leaf].items)
    own = frozenset(each.item for leaf in used if offers[leaf].own for each in offers[leaf].items)
    tariff = index.tariff(index.orderables[check.line.orderable], now_ms)
    return Decision(
        outcome=DecisionOutcome.RECOGNISED,
        line=check.line,
        recognised=used,
        items=tuple(item for item in check.items if item in answered),
        reason=None,
        sub_reason=None,
        free_text="",
        # what the hospital's own results save is no saving of recognition
        saving_fen=max(0, tariff.saving_fen(answered) - tariff.saving_fen(own)),
        warned=False,
        decided_at_ms=now_ms,
        pins=basis.check.pins,
    )


def _reorder(rules: RegionRules, check: OrderableCheck, wish: Reorder, basis: DecisionBasis, now_ms: int) -> Decision:
    due = any(not offer.own for offer in check.offers)
    if wish.reason is None:
        if wish.sub_reason is not None or wish.free_text:
            raise MalformedReasonError("reason", "a sub-reason or free text needs the reason that it belongs to")
        if due and rules.without_reason is WithoutReason.REFUSE:
            raise ReasonMissingError
    else:
        _check_reason(rules, check, wish, basis)
    return Decision(
        outcome=DecisionOutcome.REORDERED,
        line=check.line,
        recognised=(),
        items=check.items,
        reason=wish.reason,
        sub_reason=wish.sub_reason,
        free_text=wish.free_text,
        saving_fen=0,
        warned=due and wish.reason is None,
        decided_at_ms=now_ms,
        pins=basis.check.pins,
    )


def _check_reason(rules: RegionRules, check: OrderableCheck, wish: Reorder, basis: DecisionBasis) -> None:
    if len(wish.free_text) > MAX_FREE_TEXT_CHARS:
        raise MalformedReasonError("free_text", f"at most {MAX_FREE_TEXT_CHARS} characters")
    if wish.sub_reason is None:
        if wish.reason is Reason.OTHER and not _has_words(wish.free_text):
            raise MalformedReasonError("free_text", "reason 6 (other) needs a sub-reason or words")
        return
    if wish.sub_reason == UNRETRIEVABLE:
        if wish.reason is not Reason.OTHER:
            raise MalformedReasonError("sub_reason", "unretrievable belongs to reason 6 (other)")
        if not check.offers or all(offer.own or offer.leaf in basis.verified for offer in check.offers):
            raise MalformedReasonError("sub_reason", "every offered result was retrieved: it was not unretrievable")
        return
    stated = next((each for each in rules.sub_reasons if each.code == wish.sub_reason), None)
    if stated is None or stated.reason is not wish.reason:
        raise MalformedReasonError("sub_reason", "not one that this region has below that reason")


def _has_words(text: str) -> bool:
    """Tell whether a text says anything: blanks, marks and what nobody sees do not."""
    return any(character.isalnum() for character in text)
