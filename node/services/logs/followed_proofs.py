"""Inclusion proofs for entries of followed logs, from the leaves that are kept: whoever follows a log can prove it to others.

Of own logs tiles are at hand. Of others only leaves are kept, so that a proof hashes all of them once: a second for a
million leaves, which an export may cost and a request of strangers may not.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.checkpoints import parse_checkpoint
from ledger.follower import parse_state
from ledger.hashing import (
    HashReader,
    LeafHash,
    LeafIndex,
    NodeCoordinate,
    NodeHash,
    TreeSize,
    hash_leaf,
    hash_leaves,
    hash_subtree,
)
from ledger.notes import parse_note
from ledger.proofs import prove_consistency, prove_inclusion, verify_inclusion
from node.domain.entry import Origin
from node.errors import NotYetLoggedError
from node.ports.logs.index import FollowedEntry, FollowedIndex
from node.ports.logs.trust import TrustStore
from node.ports.records.transaction import RecordsReader

_CHUNK_LEAVES: Final = 8_192


@dataclass(frozen=True, slots=True)
class ProvedEntry:
    """An entry and what proves it."""

    entry: FollowedEntry
    """The entry."""
    note: bytes
    """The signed head, with the cosignatures that it came with."""
    path: tuple[NodeHash, ...]
    """Inclusion proof under that head, from the sibling up."""


class FollowedProofs:
    """Proves entries; any thread."""

    def __init__(self, index: FollowedIndex, trust: TrustStore, reader: RecordsReader, own: Collection[Origin]) -> None:
        self._index = index
        self._trust = trust
        self._reader = reader
        self._own = frozenset(own)

    def head(self, origin: Origin) -> bytes | None:
        """Return the last trusted head of a log, a signed note; None before the first."""
        state = self._trust.followed(origin)
        return None if state is None else parse_state(state).note

    def under_head(self, origin: Origin, entries: Sequence[FollowedEntry]) -> tuple[bytes | None, list[ProvedEntry]]:
        """Return a log's trusted head, and the proofs of those of its entries that are under it."""
        note = self.head(origin)
        if note is None:
            return None, []
        size = parse_checkpoint(parse_note(note).text).size
        covered = [entry for entry in entries if entry.place.index < size]
        proved = self._prove(origin, covered) if covered else []
        # the head may have moved on meanwhile; what was proved names the one that it was proved under
        return (proved[0].note if proved else note), proved

    def prove(self, entries: Sequence[FollowedEntry]) -> list[ProvedEntry]:
        """Prove entries, those of one log under one head.

        Raises:
            NotYetLoggedError: No trusted head covers one of them yet.
            InclusionError: The kept leaves are not those of the trusted head: the index is damaged, and has to be rebuilt.
        """
        origins = dict.fromkeys(entry.place.origin for entry in entries)
        proved = {
            each.entry.place: each
            for origin in origins
            for each in self._prove(origin, [entry for entry in entries if entry.place.origin == origin])
        }
        return [proved[entry.place] for entry in entries]

    def consistency(self, origin: Origin, earlier: bytes, later: bytes) -> tuple[NodeHash, ...]:
        """Prove that a log's earlier head is of the history of a later one; both signed notes, the later one trusted here."""
        old_size, new_size = (parse_checkpoint(parse_note(note).text).size for note in (earlier, later))
        if old_size == new_size:
            return ()
        return prove_consistency(self._hashes(origin, new_size), old_size, new_size)

    def _hashes(self, origin: Origin, size: TreeSize) -> HashReader:
        return self._reader.hashes(origin, size) if origin in self._own else _Leaves(self._read(origin, size))

    def _prove(self, origin: Origin, entries: Sequence[FollowedEntry]) -> list[ProvedEntry]:
        note = self.head(origin)
        head = None if note is None else parse_checkpoint(parse_note(note).text)
        if note is None or head is None or any(entry.place.index >= head.size for entry in entries):
            raise NotYetLoggedError(f"in {origin}")
        hashes = self._hashes(origin, head.size)
        proved = []
        for entry in entries:
            path = prove_inclusion(hashes, entry.place.index, head.size)
            verify_inclusion(index=entry.place.index, size=head.size, leaf=hash_leaf(entry.leaf), proof=path, root=head.root)
            proved.append(ProvedEntry(entry, note, path))
        return proved

    def _read(self, origin: Origin, size: TreeSize) -> list[LeafHash]:
        hashes: list[LeafHash] = []
        while len(hashes) < size:
            leaves = self._index.leaves(origin, LeafIndex(len(hashes)), min(_CHUNK_LEAVES, size - len(hashes)))
            if not leaves:
                raise NotYetLoggedError(f"in {origin}")
            hashes += hash_leaves(leaves)
        return hashes


class _Leaves:
    """A `HashReader` over leaf hashes."""

    def __init__(self, hashes: Sequence[LeafHash]) -> None:
        self._hashes = hashes

    def read_hashes(self, coordinates: Sequence[NodeCoordinate]) -> list[NodeHash]:
        """Return the roots of full subtrees."""
        return [hash_subtree(b"".join(self._hashes[index << level : (index + 1) << level])) for level, index in coordinates]
