from __future__ import annotations

from dataclasses import replace

import pytest

from node.domain.access import AccessOutcome
from node.domain.entry import InstitutionId
from node.domain.header import AnyContent, Header
from node.domain.record import Item, Kind
from node.supervision.events import EventId, FigureEvent, Performed, Person, Retrieved
from node.supervision.reading import EventReader, ReadEntry
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
    performed = Performed(EventId(LEAF.hex()), Person(PSEUDONYM), world.A, (world.ALT, world.GLU), content.performed_at_ms)
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


def test_a_retrieval_is_named_after_its_request_and_counts_for_who_asked() -> None:
    receipt = make_access(REQUESTER)
    event = EventId(f"{ASKING} {receipt.request_id}")
    assert read(receipt, None, ASKING) == [Retrieved(event, ASKING, receipt.occurred_at_ms)]
    own = replace(receipt, counterpart=ASKING)
    assert read(own, None, ASKING) == []
