"""A log in memory that serves what it is told to: honest growth, a fork, an older head, or tiles that are not its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ledger.checkpoints import Checkpoint, sign_checkpoint
from ledger.compact import Frontier
from ledger.follower import Event, Follower
from ledger.forks import KnownHead
from ledger.hashing import NodeHash, RootHash, TreeSize, hash_leaves, root_of_leaves
from ledger.notes import NoteSigner, VerifierKey
from ledger.proofs import prove_consistency
from ledger.tiles import (
    TILE_WIDTH,
    BundleAddress,
    Resource,
    TileAddress,
    TileHashReader,
    cut_tiles,
    encode_bundle,
)
from tests.simulators import ORIGIN, SIGNER


@dataclass(frozen=True)
class AnyKey:
    """A log key that may sign a range of sizes."""

    key: VerifierKey
    from_size: int = 0
    to_size: int | None = None

    def covers(self, size: int) -> bool:
        return self.from_size <= size and (self.to_size is None or size <= self.to_size)


KEYS = (AnyKey(SIGNER.verifier_key),)


class ServedLog:
    """Serves every size that it ever had."""

    def __init__(self, entries: Iterable[bytes] = (), *, origin: str = ORIGIN, signer: NoteSigner = SIGNER) -> None:
        self.entries: list[bytes] = []
        self.origin = origin
        self.signer = signer
        self._tiles: dict[TileAddress, bytes] = {}
        self._frontier = Frontier.empty()
        self.grow(entries)

    @property
    def size(self) -> TreeSize:
        return TreeSize(len(self.entries))

    def grow(self, entries: Iterable[bytes]) -> None:
        new = list(entries)
        self.entries += new
        self._frontier, runs = self._frontier.append(hash_leaves(new))
        for run in runs:
            self._tiles.update(cut_tiles(run.level, run.first_index, run.hashes))

    def fork(self, at: int, entries: Iterable[bytes]) -> ServedLog:
        """Make the log that has the same entries up to an index and others from there."""
        return ServedLog([*self.entries[:at], *entries], origin=self.origin, signer=self.signer)

    def root(self, size: int | None = None) -> RootHash:
        return root_of_leaves(hash_leaves(self.entries[:size]))

    def checkpoint_of(self, size: int) -> Checkpoint:
        return Checkpoint(self.origin, TreeSize(size), self.root(size))

    def note(self, size: int | None = None) -> bytes:
        return sign_checkpoint(self.checkpoint_of(len(self.entries) if size is None else size), self.signer)

    def head(self, size: int, *, signed: bool = False) -> KnownHead:
        return KnownHead(TreeSize(size), self.root(size), self.note(size) if signed else None)

    def proof(self, old: int, new: int | None = None) -> tuple[NodeHash, ...]:
        return prove_consistency(TileHashReader(self, self.size), TreeSize(old), TreeSize(self.size if new is None else new))

    def read_tiles(self, addresses: Sequence[TileAddress]) -> list[bytes]:
        return [self.read(address) for address in addresses]

    def read(self, address: Resource) -> bytes:
        if isinstance(address, BundleAddress):
            first = address.index * TILE_WIDTH
            return encode_bundle(self.entries[first : first + address.width])
        wider = (
            self._tiles.get(TileAddress(address.level, address.index, width)) for width in range(address.width, TILE_WIDTH + 1)
        )
        return next(tile for tile in wider if tile is not None)[: address.width * 32]

    def contents(self, wanted: Iterable[Resource]) -> dict[Resource, bytes]:
        return {address: self.read(address) for address in wanted}


def drive(follower: Follower, log: ServedLog, size: int | None = None, known: Sequence[KnownHead] = ()) -> list[Event]:
    """Offer a log's checkpoint and serve everything that is wanted."""
    events = follower.offer(log.note(size), known)
    while wanted := follower.wanted():
        events += follower.receive(log.contents(wanted))
    return events


def flipped(contents: Mapping[Resource, bytes], number: int) -> dict[Resource, bytes]:
    """Flip a bit in one of the contents."""
    changed = dict(contents)
    address = list(changed)[number % len(changed)]
    data = bytearray(changed[address])
    data[-1] ^= 1
    changed[address] = bytes(data)
    return changed
