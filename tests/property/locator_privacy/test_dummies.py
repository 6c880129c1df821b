"""A dummy's header is as long as that of the relocation beside which it hides."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from node.domain.access import ConsentId
from node.domain.entry import EntryType, LeafReference
from node.domain.header import PartSummary, RelocationContent
from node.domain.record import Item
from node.domain.relocation import RelocationReason
from node.wire.header.seal import HeaderPlace, prepare_header, seal_header
from node.wire.locator import random_tag
from node.wire.relocation import content_bytes, dummy_content
from tests.property.locator_privacy.test_indistinguishable import AUDIT_KEYS, EPOCH, ORIGIN, content, framing

items = st.lists(
    st.builds(Item, st.text(max_size=60), st.text(max_size=20), st.text(max_size=20), st.text(max_size=9)), max_size=40
)
parts = st.lists(st.builds(PartSummary, st.just("application/fhir+json"), st.text(max_size=20), st.integers(0, 2**40)), max_size=40)


def header(what: RelocationContent) -> bytes:
    place = HeaderPlace(ORIGIN, EntryType.RELOCATION, random_tag())
    return seal_header(prepare_header(what, AUDIT_KEYS), place, reader_key=bytes(32), reader_key_id=EPOCH)


@given(items=items, parts=parts, study=st.text(max_size=100), consent=st.booleans())
def test_a_dummy_has_the_size_of_the_relocation(
    items: list[Item],
    parts: list[PartSummary],
    study: str,
    consent: bool,  # noqa: FBT001 - drawn by Hypothesis
) -> None:
    record = replace(content(study=study), items=tuple(items), parts=tuple(parts))
    target = LeafReference(ORIGIN, bytes(32))
    consent_id = ConsentId(bytes(32)) if consent else None
    real = RelocationContent(target, int(EntryType.AMENDMENT), RelocationReason.NEW_CODE, consent_id, record)
    dummy = dummy_content(ORIGIN, content_bytes(real), 1_772_366_400_000)
    assert content_bytes(dummy) == content_bytes(real)
    assert framing(header(dummy)) == framing(header(real))
