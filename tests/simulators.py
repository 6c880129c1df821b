"""Worlds to test a log in: guards with a script, and a store of which any call can fail, having done its work or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ledger.checkpoints import Checkpoint
from ledger.errors import SequencerError, StorageError
from ledger.hashing import HashReader, LeafIndex
from ledger.notes import NoteSigner
from ledger.ports import LogStore
from ledger.tiles import BundleAddress, TileAddress

ORIGIN = "log.hospital-a.example"
SIGNER = NoteSigner.from_seed(ORIGIN, bytes(32))

ResultT = TypeVar("ResultT")


@dataclass
class ScriptedGuard:
    """Raises what the script says, in order; passes when it has run out."""

    script: list[SequencerError] = field(default_factory=list)
    asked: list[Checkpoint | None] = field(default_factory=list)
    """The committed checkpoint of every question."""

    def check(self, committed: Checkpoint | None, reader: HashReader) -> None:
        del reader
        self.asked.append(committed)
        if self.script:
            raise self.script.pop(0)


class InjectedFaultError(StorageError):
    """The fault that a test asked for."""


@dataclass
class FaultPlan:
    """Which call fails, counted over the whole scenario, restarts included."""

    failing_call: int | None = None
    """The number of the call that fails, from 0; None: all succeed."""
    persisted: bool = False
    """Whether the failing call does its work before it fails."""
    calls: list[str] = field(default_factory=list)
    """The names of the calls so far."""

    def run(self, name: str, work: Callable[[], ResultT]) -> ResultT:
        number = len(self.calls)
        self.calls.append(name)
        if number != self.failing_call:
            return work()
        if self.persisted:
            work()
        raise InjectedFaultError(f"call {number}, {name}, persisted: {self.persisted}")


class FaultyStore:
    """A `LogStore` in front of another one, whose calls fail as planned."""

    def __init__(self, store: LogStore, plan: FaultPlan, published: list[bytes] | None = None) -> None:
        self._store = store
        self._plan = plan
        self.published = [] if published is None else published
        """Every checkpoint that readers may have seen, in order."""

    @property
    def origin(self) -> str:
        return self._store.origin

    def checkpoint(self) -> bytes | None:
        return self._plan.run("checkpoint", self._store.checkpoint)

    def read_tiles(self, addresses: Sequence[TileAddress]) -> list[bytes]:
        return self._plan.run("read_tiles", lambda: self._store.read_tiles(addresses))

    def tile(self, address: TileAddress) -> bytes:
        return self._plan.run("tile", lambda: self._store.tile(address))

    def bundle(self, address: BundleAddress) -> bytes:
        return self._plan.run("bundle", lambda: self._store.bundle(address))

    def stage(self, entries: Sequence[bytes]) -> LeafIndex:
        return self._plan.run("stage", lambda: self._store.stage(entries))

    def staged(self, start: LeafIndex, limit: int) -> list[bytes]:
        return self._plan.run("staged", lambda: self._store.staged(start, limit))

    def staged_range(self) -> range:
        return self._plan.run("staged_range", self._store.staged_range)

    def restage(self, first: LeafIndex, entries: Sequence[bytes]) -> None:
        self._plan.run("restage", lambda: self._store.restage(first, entries))

    def committed(self) -> bytes | None:
        return self._plan.run("committed", self._store.committed)

    def write_batch(
        self, tiles: Mapping[TileAddress, bytes], bundles: Mapping[BundleAddress, bytes], *, replace: bool = False
    ) -> None:
        self._plan.run("write_batch", lambda: self._store.write_batch(tiles, bundles, replace=replace))

    def swap_checkpoint(self, expected: bytes | None, new: bytes) -> None:
        self._plan.run("swap_checkpoint", lambda: self._store.swap_checkpoint(expected, new))

    def publish(self, note: bytes) -> None:
        def work() -> None:
            self._store.publish(note)
            self.published.append(note)

        self._plan.run("publish", work)

    def discard(self, below: LeafIndex) -> None:
        self._plan.run("discard", lambda: self._store.discard(below))
