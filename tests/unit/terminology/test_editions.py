"""Which of the published documents hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from node.domain.entry import InstitutionId
from node.domain.recognition import ItemCode, Pin, RegionCode
from node.terminology.bundle import Document
from node.terminology.editions import SHARED_KINDS, Edition, Holding, hold, publication_refusal
from node.terminology.regions import InstitutionTable
from node.wire.catalogue.documents import encode_document, pin_of
from tests.unit.terminology import world
from tests.unit.terminology.world import A, B, mapping, terminology


class Log:
    """Documents that were published, one after the other."""

    def __init__(self) -> None:
        self.editions: list[Edition] = []
        self.documents: dict[Pin, Document] = {}

    def publish(self, document: Document, serial: int = 1) -> Pin:
        changed = replace(document, head=replace(document.head, serial=serial))
        pin = pin_of(changed, encode_document(changed))
        self.editions.append(Edition(pin, serial, (len(self.editions), "log", len(self.editions))))
        self.documents[pin] = changed
        return pin

    def publish_shared(self, **others: Document) -> Mapping[str, Pin]:
        documents = terminology()
        return {kind: self.publish(others.get(kind, getattr(documents, kind))) for kind in SHARED_KINDS}

    def hold(self) -> Holding:
        return hold(self.editions, self.documents.__getitem__)


def pins(holding: Holding) -> set[Pin]:
    assert holding.documents is not None
    return set(holding.documents.pins)


def nowhere(code: str = "CN") -> Document:
    """Return a catalogue whose first item has no window."""
    first, *rest = world.CATALOGUE.items
    return replace(world.CATALOGUE, items=(replace(first, windows={}, en=code), *rest))


def test_a_set_holds_when_it_is_complete() -> None:
    log = Log()
    assert log.hold().missing == SHARED_KINDS
    published = log.publish_shared()
    assert pins(log.hold()) == set(published.values())
    log.editions.pop()
    assert log.hold().documents is None
    assert log.hold().missing == ("certificates",)


def test_the_greatest_serial_holds_and_of_one_serial_the_first() -> None:
    log = Log()
    published = log.publish_shared()
    second = log.publish(world.PRICES, 2)
    log.publish(replace(world.PRICES, prices=world.PRICES.prices[:1]), 2)
    log.publish(replace(world.PRICES, prices=world.PRICES.prices[:2]), 1)
    assert pins(log.hold()) == {*published.values(), second} - {published["prices"]}


def test_maps_of_institutions_in_the_table_hold_each_by_itself() -> None:
    log = Log()
    shared = set(log.publish_shared().values())
    first = log.publish(mapping(A))
    log.publish(mapping(InstitutionId("stranger")))
    assert pins(log.hold()) == {*shared, first}
    # rows that lead nowhere are their institution's own business
    lost = replace(mapping(A), orderables=(replace(world.ORDERABLES[0], items=(ItemCode("GONE"),)),))
    second = log.publish(lost, 2)
    third = log.publish(mapping(B))
    assert pins(log.hold()) == {*shared, second, third}
    assert log.hold().contradictions == ()


def test_what_contradicts_the_others_is_held_back_alone() -> None:
    log = Log()
    published = log.publish_shared()
    bad = log.publish(nowhere(), 2)
    dearer = log.publish(world.PRICES, 2)
    holding = log.hold()
    assert pins(holding) == {*published.values(), dearer} - {published["prices"]}
    assert holding.held_back == (bad,)
    assert [each.document for each in holding.contradictions] == ["catalogue"]
    mended = log.publish(world.CATALOGUE, 3)
    assert pins(log.hold()) == {*published.values(), dearer, mended} - {published["prices"], published["catalogue"]}
    assert log.hold().held_back == ()


def test_documents_that_need_each_other_hold_together() -> None:
    log = Log()
    published = log.publish_shared()
    moved = replace(
        world.INSTITUTIONS,
        institutions=tuple(replace(each, region=RegionCode("CN-99")) for each in world.INSTITUTIONS.institutions),
    )
    assert isinstance(moved, InstitutionTable)
    institutions = log.publish(moved, 2)
    assert log.hold().held_back == (institutions,)
    city = replace(world.REGIONS.regions[-1], code=RegionCode("CN-99"), zh="新区", en="New")
    regions = log.publish(replace(world.REGIONS, regions=(*world.REGIONS.regions, city)), 2)
    assert pins(log.hold()) == {*published.values(), institutions, regions} - {published["institutions"], published["regions"]}


def test_a_first_set_that_contradicts_itself_holds_nowhere() -> None:
    log = Log()
    log.publish_shared(catalogue=nowhere())
    holding = log.hold()
    assert holding.documents is None
    assert holding.contradictions
    log.publish(world.CATALOGUE, 2)
    assert log.hold().documents is not None


@pytest.mark.parametrize(
    ("kind", "subject", "roles", "may"),
    [
        ("prices", "", ("regulator",), True),
        ("prices", "", ("hospital", "regulator"), True),
        ("prices", "", ("hospital",), False),
        ("catalogue", "", (), False),
        ("institution-map", A, (), True),
        ("institution-map", B, ("regulator",), False),
    ],
)
def test_who_may_publish(kind: str, subject: str, roles: tuple[str, ...], *, may: bool) -> None:
    assert (publication_refusal(kind, subject, A, roles) is None) is may
