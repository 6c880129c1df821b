"""Delete again, in a recovered log, what its tombstones say was deleted after the backup (`services.recovery`).

A tombstone says that a header went, not why: the record was erased, was relocated, or had become sensitive. A record whose
every logged version has a tombstone was erased, unless relocations that stand for all of them explain that. Where keys that
were released after the backup are missing, relocations cannot be read, and the record counts as erased: an erasure that
came undone would be the worse mistake.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from node.domain.entry import EntryType, Origin
from node.domain.header import RelocationContent
from node.ports.custody.relocations import Relocated, RelocationStore
from node.ports.custody.tombstones import TombstoneRegister
from node.ports.records.own_entries import OwnTags
from node.ports.records.transaction import EntryRow, RecordRow, RecordsTransaction
from node.wire.header.seal import header_digest
from node.wire.leaf import parse_leaf
from node.wire.public_entry import TOMBSTONE, open_public_entry, tombstone_target


@dataclass(frozen=True, slots=True)
class BurialStores:
    """Where own entries are found and deleted."""

    tags: OwnTags
    """Finds them."""
    relocations: RelocationStore
    """Knows what stands for what."""
    tombstones: TombstoneRegister
    """Deletes headers and bodies."""


class Burials:
    """What the tombstones of recovered leaves delete."""

    def __init__(self, transaction: RecordsTransaction, origin: Origin, stores: BurialStores) -> None:
        self._transaction = transaction
        self._origin = origin
        self._stores = stores

    def remember(self, relocations: Mapping[int, RelocationContent]) -> None:
        """Keep what recovered relocations stand for, by leaf index."""
        for index, content in relocations.items():
            place = Relocated(self._origin, index, content.target.leaf_hash, content.consent_id)
            self._stores.relocations.remember(self._transaction, place)

    def repeat(self, first: int, leaves: Sequence[bytes], headers: Mapping[int, bytes], *, size: int, now_ms: int) -> None:
        """Delete again.

        Args:
            first: Index of the first recovered leaf.
            leaves: The recovered leaves.
            headers: What came back of headers, by leaf index.
            size: Size of the log; what lies beyond was never logged.
            now_ms: Now, unix ms.
        """
        targets = Counter(self._targets(first, leaves, headers))
        buried = self._stores.tags.with_leaves(self._transaction, self._origin, list(targets))
        relocations = [entry for entry in buried if entry.entry_type is EntryType.RELOCATION]
        self._stores.tombstones.forget(self._transaction, relocations, bodies=True)
        relocated = self._explained(buried, targets)
        for record_id in self._transaction.records_of_leaves(self._origin, list(targets)):
            record = self._transaction.record(record_id)
            if record is None:
                continue
            if self._is_erased(record, targets, relocated, size):
                self._transaction.forget(record_id, now_ms)
            else:
                gone = [entry for entry in record.entries if entry.leaf_hash in targets]
                self._stores.tombstones.forget(self._transaction, gone, bodies=False)

    def _targets(self, first: int, leaves: Sequence[bytes], headers: Mapping[int, bytes]) -> list[bytes]:
        found: list[bytes] = []
        for index, leaf_bytes in enumerate(leaves, start=first):
            header = headers.get(index)
            leaf = parse_leaf(leaf_bytes)
            if header is None or leaf.entry_type is not EntryType.ADMINISTRATIVE or header_digest(header) != leaf.header_digest:
                continue
            opened = open_public_entry(leaf_bytes, header, self._origin)
            if opened.manifest.kind == TOMBSTONE:
                found.append(tombstone_target(opened).leaf_hash)
        return found

    def _explained(self, buried: Sequence[EntryRow], targets: Mapping[bytes, int]) -> frozenset[bytes]:
        """Return the entries whose one tombstone is that of a relocation which still stands for them."""
        once = [entry.leaf_hash for entry in buried if targets[entry.leaf_hash] == 1]
        found: set[bytes] = set()
        for leaf_hash in once:
            standing = self._stores.relocations.of_targets(self._transaction, self._origin, [leaf_hash])
            if any(entry.leaf_hash not in targets for entry in standing):
                found.add(leaf_hash)
        return frozenset(found)

    def _is_erased(self, record: RecordRow, targets: Mapping[bytes, int], relocated: frozenset[bytes], size: int) -> bool:
        logged = [entry.leaf_hash for entry in record.entries if entry.leaf_index < size]
        return all(leaf_hash in targets for leaf_hash in logged) and not all(leaf_hash in relocated for leaf_hash in logged)
