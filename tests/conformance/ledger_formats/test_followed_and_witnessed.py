"""A log that others wrote (Tessera's test data): followed from every size to every later one, and cosigned by our witness."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from ledger.cosignatures import Cosigner, verify_cosignature
from ledger.errors import CheckpointConflictError
from ledger.follower import Event, Follower, HeadTrusted, LeavesVerified
from ledger.hashing import TreeSize
from ledger.notes import add_signatures, parse_note
from ledger.proofs import prove_consistency
from ledger.tiles import BundleAddress, Resource, TileHashReader, encode_tile_path, parse_bundle
from ledger.witness import AddCheckpoint, CosignedHead, Witness, encode_add_checkpoint, parse_cosignatures
from tests.conformance.ledger_formats.test_tlog import LOG, ORIGIN, SIZES, Tiles, opened, read_key
from tests.served_logs import AnyKey

KEY = read_key("tlog/tessera-testlog.vkey")
ENTRIES = parse_bundle(LOG["tile/entries/000.p/15"], BundleAddress(0, 15))


def contents(wanted: tuple[Resource, ...]) -> dict[Resource, bytes]:
    return {address: LOG[encode_tile_path(address)] for address in wanted}


def follow(follower: Follower, size: int) -> list[Event]:
    events = follower.offer(LOG[f"checkpoint.{size}"])
    while wanted := follower.wanted():
        events += follower.receive(contents(wanted))
    return events


@pytest.mark.parametrize("old", SIZES)
def test_tessera_log_is_followed_from_every_size_to_every_later_one(old: int) -> None:
    for new in range(old + 1, 16):
        follower = Follower(ORIGIN, (AnyKey(KEY),))
        follow(follower, old)
        trusted, leaves = follow(follower, new)
        assert isinstance(trusted, HeadTrusted)
        assert isinstance(leaves, LeavesVerified)
        assert (trusted.checkpoint, leaves.first, list(leaves.entries)) == (opened(new), old, ENTRIES[old:new])


def test_our_witness_cosigns_the_tessera_log_at_every_size() -> None:
    held: dict[str, CosignedHead] = {}

    class Heads:
        def head(self, origin: str) -> CosignedHead | None:
            return held.get(origin)

        def replace(self, origin: str, expected: CosignedHead | None, new: CosignedHead) -> None:
            if held.get(origin) != expected:
                raise CheckpointConflictError(None, None)
            held[origin] = new

    cosigner = Cosigner.from_seed("hospital-a.example/witness", bytes(32))
    witness = Witness(cosigner, Heads(), {ORIGIN: (AnyKey(KEY),)}.get)
    reader, old = TileHashReader(Tiles(), TreeSize(15)), TreeSize(0)
    for size in SIZES[1:]:
        note = LOG[f"checkpoint.{size}"]
        request = AddCheckpoint(old, prove_consistency(reader, old, TreeSize(size)), note)
        answer = witness.add_checkpoint(encode_add_checkpoint(request), 1_790_000_000)
        assert answer.status is HTTPStatus.OK
        cosigned = add_signatures(parse_note(note), *parse_cosignatures(answer.body))
        assert verify_cosignature(cosigned, cosigner.verifier_key) == 1_790_000_000
        old = TreeSize(size)
