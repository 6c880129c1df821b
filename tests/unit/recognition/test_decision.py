from __future__ import annotations

from dataclasses import replace

import pytest

from node.domain.entry import LeafReference, Origin
from node.domain.found_result import FoundResult
from node.domain.recognition import UNRETRIEVABLE, DecisionOutcome, OrderableCode, Reason, ReasonCode
from node.errors import (
    ConcordError,
    MalformedReasonError,
    NotOfferedError,
    ReasonMissingError,
    RetrievalMissingError,
    StaleCheckError,
    UnknownOrderLineError,
)
from node.recognition.check import check_order
from node.recognition.decision import MAX_FREE_TEXT_CHARS, DecisionBasis, Recognise, Reorder, decide
from node.recognition.index import OrderingIndex
from tests.unit.terminology import world
from tests.unit.terminology.world import ALT, AST, GLU, GLUCOSE, LIVER, NOW_MS, B, C, D, result

MINUTE_MS = 60_000
BEFORE_SURGERY = ReasonCode("before-surgery")


@pytest.fixture(scope="module")
def index() -> OrderingIndex:
    return world.ordering()


def basis(index: OrderingIndex, *found: FoundResult, of: OrderableCode = LIVER, retrieved: bool = True) -> DecisionBasis:
    check = check_order(index, "encounter", [world.line(of)], found, NOW_MS)
    verified = frozenset(each.leaf for each in found) if retrieved else frozenset()
    return DecisionBasis(check, verified, max_check_age_ms=60 * MINUTE_MS)


def test_recognising_all_items_saves_the_price(index: OrderingIndex) -> None:
    found = result("r", ALT, AST)
    decision = decide(index, "1", Recognise((found.leaf,)), basis(index, found), NOW_MS + MINUTE_MS)
    assert (decision.outcome, decision.items, decision.saving_fen) == (DecisionOutcome.RECOGNISED, (ALT, AST), 5000)
    assert (decision.recognised, decision.reason, decision.warned) == ((found.leaf,), None, False)
    assert decision.pins == basis(index, found).check.pins


def test_recognising_some_items_saves_what_the_rest_does_not_cost(index: OrderingIndex) -> None:
    one, two = result("one", ALT, of=D), result("two", AST)
    decision = decide(index, "1", Recognise((one.leaf,)), basis(index, one, two), NOW_MS)
    assert (decision.items, decision.saving_fen) == ((ALT,), 2500)


def test_what_own_results_save_is_not_counted(index: OrderingIndex) -> None:
    own, foreign = result("own", ALT, of=B), result("r", AST)
    both = basis(index, own, foreign, retrieved=False)
    assert decide(index, "1", Recognise((own.leaf,)), both, NOW_MS).saving_fen == 0
    verified = replace(both, verified=frozenset([foreign.leaf]))
    assert decide(index, "1", Recognise((own.leaf, foreign.leaf)), verified, NOW_MS).saving_fen == 5000 - 2500


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        (Recognise(()), NotOfferedError),
        (Recognise((LeafReference(Origin("elsewhere"), bytes(32)),)), NotOfferedError),
        (Recognise((result("refused", ALT, of=C).leaf,)), NotOfferedError),
        (Reorder(None), ReasonMissingError),
        (Reorder(None, BEFORE_SURGERY), MalformedReasonError),
        (Reorder(None, None, "just so"), MalformedReasonError),
        (Reorder(Reason.OTHER), MalformedReasonError),
        (Reorder(Reason.OTHER, None, "  "), MalformedReasonError),
        (Reorder(Reason.EMERGENCY, None, "x" * (MAX_FREE_TEXT_CHARS + 1)), MalformedReasonError),
        (Reorder(Reason.EMERGENCY, BEFORE_SURGERY), MalformedReasonError),
        (Reorder(Reason.OTHER, ReasonCode("of another region")), MalformedReasonError),
        (Reorder(Reason.EMERGENCY, UNRETRIEVABLE), MalformedReasonError),
        (Reorder(Reason.OTHER, UNRETRIEVABLE), MalformedReasonError),
    ],
)
def test_what_is_refused(index: OrderingIndex, wish: Recognise | Reorder, error: type[ConcordError]) -> None:
    given = basis(index, result("r", ALT, AST), result("refused", ALT, of=C))
    with pytest.raises(error):
        decide(index, "1", wish, given, NOW_MS)


@pytest.mark.parametrize(
    "wish",
    [
        Reorder(Reason.CONDITION_CHANGED),
        Reorder(Reason.HIGHLY_SIGNIFICANT, BEFORE_SURGERY),
        Reorder(Reason.OTHER, None, "the patient asks"),
        Reorder(Reason.EMERGENCY, None, "x" * MAX_FREE_TEXT_CHARS),
    ],
)
def test_a_reason_lets_order_again(index: OrderingIndex, wish: Reorder) -> None:
    decision = decide(index, "1", wish, basis(index, result("r", ALT, AST)), NOW_MS)
    assert (decision.outcome, decision.items, decision.recognised) == (DecisionOutcome.REORDERED, (ALT, AST), ())
    assert (decision.reason, decision.sub_reason, decision.free_text) == (wish.reason, wish.sub_reason, wish.free_text)
    assert (decision.saving_fen, decision.warned) == (0, False)


def test_only_what_was_retrieved_and_verified_is_recognised(index: OrderingIndex) -> None:
    found = result("r", ALT, AST)
    with pytest.raises(RetrievalMissingError):
        decide(index, "1", Recognise((found.leaf,)), basis(index, found, retrieved=False), NOW_MS)


def test_what_could_not_be_retrieved_is_a_reason_everywhere(index: OrderingIndex) -> None:
    given = basis(index, result("r", ALT, AST), retrieved=False)
    decision = decide(index, "1", Reorder(Reason.OTHER, UNRETRIEVABLE), given, NOW_MS)
    assert decision.sub_reason == UNRETRIEVABLE
    with pytest.raises(MalformedReasonError):
        decide(index, "1", Reorder(Reason.OTHER, UNRETRIEVABLE), basis(index), NOW_MS)


def test_no_reason_is_due_where_nothing_of_others_was_offered(index: OrderingIndex) -> None:
    for found in ([], [result("own", ALT, AST, of=B)], [result("refused", ALT, of=C)]):
        decision = decide(index, "1", Reorder(None), basis(index, *found), NOW_MS)
        assert (decision.reason, decision.warned) == (None, False)


def test_a_region_may_only_warn() -> None:
    index = world.ordering(regions=world.regions_with(world.CITY, rules=world.WARN_RULES))
    decision = decide(index, "1", Reorder(None), basis(index, result("r", ALT, AST)), NOW_MS)
    assert (decision.outcome, decision.reason, decision.warned) == (DecisionOutcome.REORDERED, None, True)


@pytest.mark.parametrize("words", ["", "   ", "\u200b\u200b", "\u3000", "...", "\n\t"], ids=ascii)
def test_words_that_say_nothing_are_no_reason(index: OrderingIndex, words: str) -> None:
    given = basis(index, result("r", ALT, AST))
    with pytest.raises(MalformedReasonError, match="reason 6"):
        decide(index, "1", Reorder(Reason.OTHER, free_text=words), given, NOW_MS)
    assert decide(index, "1", Reorder(Reason.OTHER, free_text="术前"), given, NOW_MS).free_text == "术前"


def test_checks_grow_old(index: OrderingIndex) -> None:
    found = result("r", GLU)
    given = basis(index, found, of=GLUCOSE)
    last = NOW_MS + 60 * MINUTE_MS
    assert decide(index, "1", Recognise((found.leaf,)), given, last).decided_at_ms == last
    for at_ms in (NOW_MS + 60 * MINUTE_MS + 1, NOW_MS - 1):
        with pytest.raises(StaleCheckError):
            decide(index, "1", Recognise((found.leaf,)), given, at_ms)


def test_a_line_that_was_not_checked_is_not_decided(index: OrderingIndex) -> None:
    with pytest.raises(UnknownOrderLineError):
        decide(index, "2", Reorder(Reason.EMERGENCY), basis(index), NOW_MS)
