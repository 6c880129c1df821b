from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.hashing import LeafHash, LeafIndex, RootHash, TreeSize
from ledger.proofs import verify_inclusion
from node.domain.entry import Origin
from node.errors import MalformedBodyError, MisplacedManifestError, PartNotCommittedError
from node.wire.commitment import (
    BodyPart,
    DisclosedPart,
    commit,
    disclose_parts,
    encode_parts,
    open_body,
    parse_parts,
    part_leaf,
    root_of_part,
    seal_body,
    verify_parts,
)
from node.wire.manifest import Manifest, ManifestPart, encode_manifest, manifest_part, parse_manifest
from node.wire.opening import check_manifest
from tests.property.wire_formats.strategies import hashes, manifests, parts

records = st.lists(parts, min_size=1, max_size=20)


@given(hashes, records, st.data())
def test_any_choice_of_parts_opens(secret: bytes, record: Sequence[BodyPart], data: st.DataObject) -> None:
    commitment = commit(secret, record)
    numbers = data.draw(st.sets(st.integers(0, len(record) - 1), min_size=1))
    disclosed = disclose_parts(secret, record, numbers)
    assert [part.number for part in disclosed] == sorted(numbers)
    verify_parts(commitment.value, commitment.count, disclosed)


@given(hashes, records, st.data())
def test_proofs_are_those_of_rfc_9162(secret: bytes, record: Sequence[BodyPart], data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(record) - 1))
    (part,) = disclose_parts(secret, record, [number])
    root = commit(secret, record).root
    assert root_of_part(part, len(record)) == root
    verify_inclusion(
        index=LeafIndex(number),
        size=TreeSize(len(record)),
        leaf=LeafHash(part_leaf(part.salt, number, part)),
        proof=part.proof,  # type: ignore[arg-type]  # hashes of another tree than the log's
        root=RootHash(root),
    )


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8 % len(changed)] ^= 1 << bit % 8
    return bytes(changed)


def flips(part: DisclosedPart, bit: int) -> list[DisclosedPart]:
    """The part with one bit changed in each of its fields."""
    changed = [replace(part, salt=flip(part.salt, bit)), replace(part, full_url=part.full_url + "x")]
    changed += [replace(part, media_type="x" + part.media_type), replace(part, content=part.content + b"\0")]
    if part.content:
        changed += [replace(part, content=flip(part.content, bit)), replace(part, content=part.content[:-1])]
    if part.proof:
        at = bit % len(part.proof)
        proof = (*part.proof[:at], flip(part.proof[at], bit), *part.proof[at + 1 :])
        changed += [replace(part, proof=proof), replace(part, proof=part.proof[:-1])]
    return [*changed, replace(part, proof=(*part.proof, part.salt))]


@given(hashes, records, st.integers(0, 2**16), st.data())
def test_every_changed_bit_is_refused(secret: bytes, record: Sequence[BodyPart], bit: int, data: st.DataObject) -> None:
    commitment = commit(secret, record)
    (part,) = disclose_parts(secret, record, [data.draw(st.integers(0, len(record) - 1))])
    for forged in flips(part, bit):
        with pytest.raises(PartNotCommittedError):
            verify_parts(commitment.value, commitment.count, [forged])
    with pytest.raises(PartNotCommittedError):
        verify_parts(flip(commitment.value, bit), commitment.count, [part])


@given(hashes, records, st.integers(0, 40), st.integers(0, 40))
def test_number_and_order_are_bound(secret: bytes, record: Sequence[BodyPart], count: int, place: int) -> None:
    commitment = commit(secret, record)
    for part in disclose_parts(secret, record, range(len(record))):
        if count != commitment.count:
            with pytest.raises(PartNotCommittedError):
                verify_parts(commitment.value, count, [part])
        if place != part.number:
            with pytest.raises(PartNotCommittedError):
                verify_parts(commitment.value, commitment.count, [replace(part, number=place)])


@given(hashes, st.lists(parts, min_size=2, max_size=6, unique=True), st.permutations(range(6)))
def test_exchanged_parts_make_another_commitment(secret: bytes, record: Sequence[BodyPart], order: Sequence[int]) -> None:
    moved = [record[at] for at in order if at < len(record)]
    assert (commit(secret, moved) == commit(secret, record)) == (moved == list(record))


@given(hashes, records)
def test_bodies_round_trip(secret: bytes, record: Sequence[BodyPart]) -> None:
    commitment = commit(secret, record).value
    assert parse_parts(encode_parts(record)) == tuple(record)
    assert open_body(secret, seal_body(secret, commitment, record), commitment).parts == tuple(record)


@given(st.binary(max_size=60))
def test_any_bytes_encode_parts_in_one_way_or_not_at_all(data: bytes) -> None:
    try:
        parsed = parse_parts(data)
    except MalformedBodyError:
        return
    assert encode_parts(parsed) == data


@given(hashes, manifests(), st.lists(parts.filter(lambda part: part.media_type != ""), max_size=5), st.text())
def test_a_lifted_commitment_is_refused(secret: bytes, manifest: Manifest, record: Sequence[BodyPart], origin: str) -> None:
    listed = tuple(ManifestPart(part.media_type, "role", len(part.content)) for part in record)
    own = replace(manifest, parts=listed, patient_part=None)
    everything = [manifest_part(encode_manifest(own)), *record]
    commitment = commit(secret, everything)
    disclosed = disclose_parts(secret, everything, range(len(everything)))
    verify_parts(commitment.value, own.count, disclosed)
    opened = {part.number: part for part in disclosed}
    check_manifest(parse_manifest(opened[0].content), origin=own.origin, entry_type=own.entry_type, parts=opened)
    if origin != own.origin:
        with pytest.raises(MisplacedManifestError):
            check_manifest(own, origin=Origin(origin), entry_type=own.entry_type, parts=opened)
