"""To a node without the code tags and headers are random, and a sensitive record is like an ordinary one (issue: property tests).

Statistics with fixed thresholds over many samples: far enough out that an honest source fails once in a billion runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from node.domain.entry import EntryType, Origin, RecordId, Version
from node.domain.header import HeaderContent, PartSummary
from node.domain.record import Item, Kind, RecordStatus
from node.identity.codes import draw_seed, exchange_private_key, keys_of_seed, public_keys
from node.wire.header.seal import SUPERVISION_WRAP, HeaderPlace, parse_header, prepare_header, seal_header
from node.wire.locator import ORDINARY, PRIVATE, locator_tag, pairwise_key

ORIGIN = Origin("hospital-a.example/log")
AUDIT_KEYS = (public_keys(draw_seed()).exchange,)
INSTITUTION_KEY = exchange_private_key(draw_seed())
EPOCH = (1).to_bytes(8, "big")
SAMPLES = 600
POINT_BYTES = 32
CHI_SQUARE_255_LIMIT = 420.0
"""Chi-square with 255 degrees of freedom exceeds it once in 10^9."""


def content(number: int = 0, study: str = "") -> HeaderContent:
    return HeaderContent(
        kind=Kind("exam-result"),
        record_id=RecordId(f"{number:024}"),
        version=Version(1),
        status=RecordStatus("final"),
        performed_at_ms=1_772_366_400_000,
        items=(Item("http://loinc.org", "24325-3", "119297000", ""),),
        study=study,
        parts=(PartSummary("application/fhir+json", "report", 900),),
        supersedes=None,
    )


def keys_by_class(tag_class: int) -> bytes:
    seed = draw_seed()
    if tag_class == PRIVATE:
        return pairwise_key(INSTITUTION_KEY, public_keys(seed).exchange)
    return keys_of_seed(seed, {1: bytes(32)}, provisional=False).epoch_keys[1]


def sealed(tag_class: int, what: HeaderContent, pseudonym: bytes | None = None, counter: int = 0) -> tuple[bytes, bytes]:
    """Return tag and header as staging makes them."""
    key = keys_by_class(tag_class)
    tag = locator_tag(key, ORIGIN, tag_class, counter)
    header = seal_header(
        prepare_header(what, AUDIT_KEYS),
        HeaderPlace(ORIGIN, EntryType.RECORD, tag),
        reader_key=key,
        reader_key_id=EPOCH,
        pseudonym=pseudonym,
    )
    return tag, header


def assert_uniform(samples: Iterable[bytes]) -> None:
    """Check the bytes' distribution, that of their sums in place, and that no two neighbours follow each other."""
    rows = list(samples)
    everything = b"".join(rows)
    expected = len(everything) / 256
    counts = Counter(everything)
    chi_square = sum((counts[value] - expected) ** 2 / expected for value in range(256))
    assert chi_square < CHI_SQUARE_255_LIMIT
    ones = sum(byte.bit_count() for byte in everything)
    bits = 8 * len(everything)
    assert abs(ones - bits / 2) < 6 * (bits / 4) ** 0.5
    # a constant, a counter or a key's trace would show in a column
    for column in zip(*rows, strict=True):
        ones = sum(byte.bit_count() for byte in column)
        assert abs(ones - 4 * len(column)) < 7 * (2 * len(column)) ** 0.5
    assert len(set(rows)) == len(rows)


def secret_bytes(header: bytes) -> bytes:
    """Return all of a header that is not framing, but for the ephemeral points of SealedBoxes.

    A point of Curve25519 has 255 bits and is on the curve: not uniform, and drawn alike for every header.
    """
    parsed = parse_header(header)
    wraps = [wrap.content[POINT_BYTES if wrap.kind == SUPERVISION_WRAP else 0 :] for wrap in parsed.wraps]
    return b"".join([parsed.key_commitment, parsed.nonce, *wraps, parsed.ciphertext])


def framing(header: bytes) -> list[object]:
    """Return all of a header that stands in clear."""
    parsed = parse_header(header)
    return [len(header), [(wrap.kind, wrap.key_id, len(wrap.content)) for wrap in parsed.wraps]]


def test_tags_and_headers_of_both_classes_are_uniform() -> None:
    for tag_class in (ORDINARY, PRIVATE):
        made = [sealed(tag_class, content()) for _ in range(SAMPLES)]
        assert_uniform(tag for tag, _ in made)
        assert_uniform(secret_bytes(header) for _, header in made)


def test_consecutive_tags_of_one_patient_are_as_random_as_those_of_many() -> None:
    for tag_class in (ORDINARY, PRIVATE):
        key = keys_by_class(tag_class)
        assert_uniform(locator_tag(key, ORIGIN, tag_class, counter) for counter in range(SAMPLES))


@settings(max_examples=50, deadline=None)
@given(study=st.text(max_size=600), pseudonym=st.sampled_from([None, bytes(32)]), counter=st.integers(0, 2**40))
def test_what_stands_in_clear_is_the_same_for_both_classes(study: str, pseudonym: bytes | None, counter: int) -> None:
    _, ordinary = sealed(ORDINARY, content(study=study), pseudonym, counter)
    _, sensitive = sealed(PRIVATE, content(study=study), None, counter)
    assert framing(ordinary) == framing(sensitive)
