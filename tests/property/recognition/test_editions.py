"""What holds is a function of what was published, whatever the order in which it was heard of."""

from __future__ import annotations

from random import Random

import hypothesis.strategies as st
from hypothesis import given

from node.terminology.bundle import Document
from tests.unit.terminology import world
from tests.unit.terminology.test_editions import Log, nowhere
from tests.unit.terminology.world import A, B, mapping, terminology

KINDS = ("catalogue", "regions", "institutions", "prices", "certificates")
DOCUMENTS: tuple[Document, ...] = (*(getattr(terminology(), kind) for kind in KINDS), nowhere(), mapping(A), mapping(B))
PUBLICATIONS = st.lists(st.tuples(st.sampled_from(range(len(DOCUMENTS))), st.integers(1, 3)), max_size=14)


@given(PUBLICATIONS, st.randoms(use_true_random=False))
def test_the_order_in_which_documents_are_heard_of_does_not_matter(publications: list[tuple[int, int]], random: Random) -> None:
    log = Log()
    for at, serial in publications:
        log.publish(DOCUMENTS[at], serial)
    held = log.hold()
    random.shuffle(log.editions)
    assert log.hold() == held


@given(PUBLICATIONS)
def test_what_holds_contradicts_nothing_and_is_the_newest_where_that_does(publications: list[tuple[int, int]]) -> None:
    log = Log()
    log.publish_shared()
    for at, serial in publications:
        log.publish(DOCUMENTS[at], serial)
    held = log.hold()
    assert held.documents is not None
    assert held.documents.catalogue.items[0].windows == world.CATALOGUE.items[0].windows
    newest = {each.pin.kind: each.serial for each in sorted(log.editions, key=lambda each: each.serial)}
    for kind in KINDS[1:]:
        assert getattr(held.documents, kind).head.serial == newest[kind]
