from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from node.domain.access import AccessOutcome
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.domain.header import AnyContent, Header
from node.domain.recognition import DecisionOutcome, ItemCode, OrderLine, Reason
from node.domain.recognition_acts import (
    CheckContent,
    CheckedLine,
    CheckedOrder,
    CheckId,
    DecisionContent,
    DecisionId,
    OfferedResult,
    ReversalContent,
)
from node.domain.record import Item, Kind
from node.supervision.events import (
    DecisionReversed,
    EventId,
    FiguredItem,
    FigureEvent,
    LineChecked,
    LineDecided,
    LineUnchecked,
    OrderedLine,
    Performed,
    Person,
    Retrieved,
)
from node.supervision.reading import UNKNOWN, EventReader, ReadEntry
from tests.unit.services_supervision.consortium import HOLDER, REQUESTER, make_access
from tests.unit.services_supervision.consortium import B as ASKING
from tests.unit.terminology import world

LEAF = b"\x07" * 32
PSEUDONYM = b"\x01" * 32
READER = EventReader(world.terminology())


def read(content: AnyContent, pseudonym: bytes | None = PSEUDONYM, institution: InstitutionId = world.A) -> list[FigureEvent]:
    return list(READER.events(ReadEntry(institution, LEAF, Header(content, pseudonym))))


def test_a_result_says_what_was_performed_by_the_map_of_its_institution() -> None:
    content = world.result("r", world.ALT, world.GLU, world.ALT, Item("urn:local", "ALT", "", "")).content
    performed = Performed(
        EventId(f"{world.A} {LEAF.hex()}"), Person(PSEUDONYM), world.A, (world.ALT, world.GLU), content.performed_at_ms
    )
    assert read(content) == [performed]


@pytest.mark.parametrize(
    "content",
    [
        world.result("r", kind=Kind("prescription")).content,
        world.result("r").content,
        make_access(HOLDER),
        make_access(REQUESTER, AccessOutcome.DENIED),
        make_access(REQUESTER, AccessOutcome.UNANSWERED),
    ],
    ids=["prescription", "no-item", "holder", "denied", "unanswered"],
)
def test_what_concerns_no_figure_says_nothing(content: AnyContent) -> None:
    assert read(content, institution=ASKING) == []


def test_without_a_pseudonym_or_a_map_nothing_is_counted() -> None:
    content = world.result("r", world.ALT).content
    assert read(content, None) == []
    assert read(content, institution=InstitutionId("hospital-z")) == []


def offer(of: InstitutionId, *items: ItemCode) -> OfferedResult:
    return OfferedResult(LeafReference(Origin(f"{of}.example/log"), b"\x05" * 32), of, items)


def decision(*results: OfferedResult, **more: Any) -> DecisionContent:  # noqa: ANN401 - fields of a decision
    fields = {"outcome": DecisionOutcome.RECOGNISED, "reason": None, "sub_reason": None, "saving_fen": 5000} | more
    return DecisionContent(
        decision_id=DecisionId("1" * 32),
        check_id=CheckId("2" * 32),
        actor=make_access(REQUESTER).actor,
        encounter="e1",
        line=OrderLine("7", world.LIVER),
        results=results,
        items=(world.ALT,),
        warned=False,
        pins=(),
        decided_at_ms=2_000,
        **fields,
    )


def test_a_check_says_what_was_offered_of_others_and_of_its_own() -> None:
    lines = (
        CheckedLine(OrderLine("7", world.LIVER), (offer(world.A, world.ALT), offer(world.B, world.AST), offer(world.C, world.ALT))),
        CheckedLine(OrderLine("8", world.CHEST), ()),
        CheckedLine(OrderLine("9", world.CHEST), (offer(world.A, world.CT, ItemCode("NEW")),)),
    )
    order = CheckedOrder(CheckId("2" * 32), "e1", 1_000, answered=True, lines=lines, pins=())
    content = CheckContent(make_access(REQUESTER).actor, (order,))
    first, second = read(content, institution=world.B)
    assert isinstance(first, LineChecked)
    assert isinstance(second, LineChecked)
    person = Person(PSEUDONYM)
    assert first.line == OrderedLine(person, world.B, "", "e1", "7", world.LIVER)
    assert first.foreign == (FiguredItem(world.ALT, "LAB", 30 * world.DAY_MS),)
    assert first.own == (FiguredItem(world.AST, "LAB", 30 * world.DAY_MS),)
    assert [(item.code, item.modality) for item in second.foreign] == [(world.CT, "CT"), ("NEW", UNKNOWN)]
    assert first.event != second.event
    assert read(content, None, world.B) == []


def test_a_check_and_its_decision_count_at_their_campus() -> None:
    lines = (CheckedLine(OrderLine("7", world.LIVER), (offer(world.A, world.ALT),)),)
    order = CheckedOrder(CheckId("2" * 32), "e1", 1_000, lines, (), campus="east")
    unchecked = replace(order, answered=False)
    events = [
        *read(CheckContent(make_access(REQUESTER).actor, (order, unchecked)), institution=world.B),
        *read(replace(decision(offer(world.A, world.ALT)), campus="east"), institution=world.B),
    ]
    assert [type(each) for each in events] == [LineChecked, LineUnchecked, LineDecided]
    assert {each.line.campus for each in events if isinstance(each, LineChecked | LineUnchecked | LineDecided)} == {"east"}


def test_an_order_that_went_ahead_without_an_answer_is_unchecked() -> None:
    lines = (CheckedLine(OrderLine("7", world.LIVER), ()), CheckedLine(OrderLine("8", world.CHEST), ()))
    order = CheckedOrder(CheckId("2" * 32), "e1", 1_000, lines, (), answered=False)
    events = read(CheckContent(make_access(REQUESTER).actor, (order,)), institution=world.B)
    assert [type(each) for each in events] == [LineUnchecked, LineUnchecked]
    assert len({each.event for each in events}) == 2


def test_a_decision_is_foreign_where_a_result_of_another_is_used() -> None:
    (decided,) = read(decision(offer(world.A, world.ALT), offer(world.B, world.AST)), institution=world.B)
    assert isinstance(decided, LineDecided)
    assert (decided.foreign, [item.code for item in decided.items], decided.saving_fen) == (True, [world.ALT], 5000)
    (own,) = read(decision(offer(world.B, world.AST)), institution=world.B)
    assert isinstance(own, LineDecided)
    assert (own.foreign, own.items) == (False, ())
    (again,) = read(decision(outcome=DecisionOutcome.REORDERED, reason=Reason.EMERGENCY, saving_fen=0), institution=world.B)
    assert isinstance(again, LineDecided)
    assert (again.outcome, again.reason, again.foreign) == (DecisionOutcome.REORDERED, Reason.EMERGENCY, False)


def test_only_who_decided_takes_a_decision_back() -> None:
    (decided,) = read(decision(offer(world.A, world.ALT)), institution=world.B)
    actor = make_access(REQUESTER).actor
    reference = LeafReference(Origin(f"{world.B}.example/log"), LEAF)
    reversal = ReversalContent(DecisionId("1" * 32), reference, actor, 3_000)
    (own,) = read(reversal, None, world.B)
    (others,) = read(reversal, None, world.C)
    assert isinstance(own, DecisionReversed)
    assert isinstance(others, DecisionReversed)
    assert own.decision == decided.event
    assert others.decision != decided.event


def test_a_retrieval_is_named_after_its_request_and_counts_for_who_asked() -> None:
    receipt = make_access(REQUESTER)
    event = EventId(f"{ASKING} {receipt.request_id}")
    assert read(receipt, None, ASKING) == [Retrieved(event, ASKING, receipt.occurred_at_ms)]
    own = replace(receipt, counterpart=ASKING)
    assert read(own, None, ASKING) == []
