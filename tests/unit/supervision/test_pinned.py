"""An entry is read with the documents that it pins, where these are at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from node.domain.entry import LeafReference, Origin
from node.domain.header import Header
from node.domain.recognition import DecisionOutcome, DocumentDigest, OrderLine, Pin
from node.domain.recognition_acts import (
    CheckContent,
    CheckedLine,
    CheckedOrder,
    CheckId,
    DecisionContent,
    DecisionId,
    OfferedResult,
)
from node.supervision.events import LineChecked, LineDecided, Performed
from node.supervision.pinned import MAX_OLDER, PinnedReader
from node.supervision.reading import UNKNOWN, ReadEntry
from node.terminology.bundle import Terminology
from tests.unit.services_supervision.consortium import HOLDER, make_access
from tests.unit.terminology import world
from tests.unit.terminology.world import ALT, LIVER, NOW_MS, A, B

OLD = world.terminology()
NOW = world.terminology(catalogue=replace(world.CATALOGUE, items=world.CATALOGUE.items[1:]))
"""The catalogue that holds now has no ALT any more."""
LINE = OrderLine("o-1", LIVER)
OFFER = OfferedResult(LeafReference(Origin("hospital-a.example/log"), b"\x05" * 32), A, (ALT,))


class Kept:
    """Documents at hand; counts how often it was asked."""

    def __init__(self, *documents: Terminology) -> None:
        self._documents = documents
        self.asked = 0

    def __call__(self, pins: tuple[Pin, ...]) -> Terminology | None:
        self.asked += 1
        return next((each for each in self._documents if set(pins) <= set(each.pins)), None)


def check(pins: tuple[Pin, ...]) -> CheckContent:
    order = CheckedOrder(CheckId("00" * 16), "e1", NOW_MS, (CheckedLine(LINE, (OFFER,)),), pins, answered=True)
    return CheckContent(make_access(HOLDER).actor, (order,))


def decision(pins: tuple[Pin, ...]) -> DecisionContent:
    return DecisionContent(
        decision_id=DecisionId("00" * 16),
        check_id=CheckId("00" * 16),
        actor=make_access(HOLDER).actor,
        encounter="e1",
        line=LINE,
        outcome=DecisionOutcome.RECOGNISED,
        results=(OFFER,),
        items=(ALT,),
        reason=None,
        sub_reason=None,
        saving_fen=0,
        warned=False,
        pins=pins,
        decided_at_ms=NOW_MS,
    )


def modality(reader: PinnedReader, content: CheckContent | DecisionContent) -> str:
    (event,) = reader.events(ReadEntry(B, b"\x07" * 32, Header(content, b"\x01" * 32)))
    if isinstance(event, LineDecided):
        return event.items[0].modality
    assert isinstance(event, LineChecked)
    return event.foreign[0].modality


@pytest.mark.parametrize("make", [check, decision])
def test_what_an_entry_pins_says_what_it_means(make: Callable[[tuple[Pin, ...]], CheckContent | DecisionContent]) -> None:
    kept = Kept(OLD)
    reader = PinnedReader(NOW, kept)
    assert modality(reader, make(NOW.pins)) == UNKNOWN
    assert kept.asked == 0
    for _ in range(2):
        assert modality(reader, make(OLD.pins)) == "LAB"
    assert kept.asked == 1


def test_what_is_not_at_hand_is_read_with_what_holds_now() -> None:
    assert modality(PinnedReader(NOW, Kept()), check(OLD.pins)) == UNKNOWN
    assert modality(PinnedReader(OLD, Kept()), check(())) == "LAB"


def test_a_result_is_read_with_what_holds_now() -> None:
    content = world.result("r", ALT).content
    (event,) = PinnedReader(OLD, Kept()).events(ReadEntry(A, b"\x07" * 32, Header(content, b"\x01" * 32)))
    assert isinstance(event, Performed)


def test_few_older_versions_are_held_in_memory() -> None:
    kept = Kept()
    reader = PinnedReader(NOW, kept)
    pins = [tuple(replace(pin, digest=DocumentDigest(bytes([at]) * 32)) for pin in OLD.pins) for at in range(MAX_OLDER + 1)]
    for each in (*pins, pins[-1], pins[0]):
        modality(reader, check(each))
    assert kept.asked == MAX_OLDER + 2
