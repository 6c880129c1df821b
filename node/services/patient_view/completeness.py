"""Show that nothing is missing of what a log holds under a patient's keys (docs/spec/completeness.md, "The scan").

All leaves up to a verified checkpoint are read, each proven, and their tags kept: 32 bytes a leaf. Then each key's tags
are looked for among all of them, counter by counter and a window beyond the last hit. Contiguous counters, and none
beyond: nothing that the institution logged under these keys was left out. What it logged under no key, nobody finds.
Left out: where keys come from, the file's format (`node.wire.evidence.completeness`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ledger.checkpoints import Checkpoint
from ledger.errors import VerificationError
from ledger.hashing import HashReader, LeafIndex, NodeHash, TreeSize, hash_leaf
from ledger.mirror import VerifiedTiles, fetch_entries
from ledger.ports import LogReader
from ledger.proofs import prove_inclusion
from ledger.tiles import TILE_WIDTH, BundleAddress, TileHashReader, parse_bundle
from node.domain.entry import Origin
from node.domain.patient import EpochKeys, PatientSeed
from node.identity.codes import exchange_private_key
from node.wire.evidence.completeness import Completeness, Series, SeriesEntry, SeriesKey
from node.wire.leaf import LEAF_BYTES, LEAF_VERSION
from node.wire.locator import TAG_BYTES, locator_tag, pairwise_key

DEFAULT_WINDOW: Final = 1024
"""How many counters beyond the last hit are looked for: whoever skips counters would have to skip more."""

_TAG: Final = slice(42, 42 + TAG_BYTES)
_NO_TAG: Final = bytes(TAG_BYTES)


@dataclass(frozen=True, slots=True)
class ScannedSeries:
    """What a whole log holds under one key."""

    key: SeriesKey
    """The key."""
    places: Mapping[int, int]
    """Counter -> leaf index, for every counter that was found, in order of counters."""
    missing: tuple[int, ...]
    """Counters below the last that no leaf has: something was left out."""
    repeated: tuple[int, ...]
    """Leaf indices at which a counter stands again."""
    disordered: tuple[int, ...]
    """Counters that stand before a lower one."""

    @property
    def is_contiguous(self) -> bool:
        """Tell whether counters and places rise together from 0, none missing and none twice."""
        return not (self.missing or self.repeated or self.disordered)


@dataclass(frozen=True, slots=True)
class LogScan:
    """What was read of a log."""

    size: int
    """Leaves read, all that the checkpoint proves."""
    window: int
    """Counters looked for beyond the last hit of each key."""
    unknown_leaves: int
    """Leaves that this release cannot read; a tag in one of them would not be seen."""
    series: tuple[ScannedSeries, ...]
    """In order of the keys given."""

    @property
    def is_complete(self) -> bool:
        """Tell whether nothing is missing under any key."""
        return not self.unknown_leaves and all(each.is_contiguous for each in self.series)


def series_keys(seed: PatientSeed, epoch_keys: EpochKeys, exchange_keys: Iterable[bytes]) -> list[SeriesKey]:
    """Derive the keys under which an institution's log numbers a patient's entries.

    Args:
        seed: The patient's.
        epoch_keys: All that the patient has, by serial.
        exchange_keys: The institution's X25519 public keys, former ones included.

    Raises:
        ValueError: An exchange key has another length, or is of small order.
    """
    private = exchange_private_key(seed)
    records = [SeriesKey(0, epoch, None, key) for epoch, key in sorted(epoch_keys.items())]
    return records + [SeriesKey(1, None, public, pairwise_key(private, public)) for public in dict.fromkeys(exchange_keys)]


def scan_log(
    reader: LogReader,
    checkpoint: Checkpoint,
    keys: Sequence[SeriesKey],
    *,
    size: TreeSize | None = None,
    window: int = DEFAULT_WINDOW,
    advance: Callable[[int], object] = lambda _: None,
) -> LogScan:
    """Read a whole log, or what lies below a size, and look for all that it holds under some keys.

    Args:
        reader: The log, from wherever it is served.
        checkpoint: Its head, verified by the caller.
        keys: The patient's, for this log.
        size: Below which leaves are read, at most the checkpoint's; by default all of it.
        window: Counters to look for beyond the last hit, at least 1.
        advance: Told how many leaves were read since the last call.

    Raises:
        VerificationError: A tile or leaf is not what the checkpoint proves.
        MalformedTileError: A tile or bundle is not what its address says.
        StorageError: Something could not be read.
    """
    tags, unknown = bytearray(), 0
    upto = checkpoint.size if size is None else size
    for leaves in fetch_entries(reader, checkpoint, LeafIndex(0), upto):
        for leaf in leaves:
            readable = len(leaf) == LEAF_BYTES and leaf[0] == LEAF_VERSION
            unknown += not readable
            tags += leaf[_TAG] if readable else _NO_TAG
        advance(len(leaves))
    origin = Origin(checkpoint.origin)
    return LogScan(
        size=upto,
        window=window,
        unknown_leaves=unknown,
        series=tuple(_scan_series(bytes(tags), origin, key, window) for key in keys),
    )


def prove_completeness(reader: LogReader, checkpoint: Checkpoint, note: bytes, scan: LogScan) -> Completeness:
    """Make the file that shows to others that what was scanned is contiguous.

    Args:
        reader: The log.
        checkpoint: The head up to which it was scanned.
        note: The signed note that says so, cosignatures included.
        scan: A complete scan.

    Raises:
        ValueError: The scan is not complete: there is nothing to prove.
        VerificationError: An entry is not what was scanned.
        StorageError: Something could not be read.
    """
    if not scan.is_complete:
        raise ValueError("a scan that found something missing proves nothing complete")
    hashes = TileHashReader(VerifiedTiles(reader, checkpoint), checkpoint.size)
    series = tuple(
        Series(each.key, tuple(prove_entries(reader, checkpoint, hashes, list(each.places.values())))) for each in scan.series
    )
    return Completeness(note, scan.window, series)


def _scan_series(tags: bytes, origin: Origin, key: SeriesKey, window: int) -> ScannedSeries:
    """Look for counters among all leaves, until a whole window beyond the last one is looked for."""
    places: dict[int, int] = {}
    repeated: list[int] = []
    probed, upto = 0, window
    while probed < upto:
        wanted: dict[bytes, int] = {locator_tag(key.key, origin, key.tag_class, at): at for at in range(probed, upto)}
        for index, counter in _hits(tags, wanted):
            if counter in places:
                repeated.append(index)
            else:
                places[counter] = index
        # twice as many each time: a log is read through a few times, however much it holds of one patient
        needed = max(places, default=-1) + 1 + window
        probed, upto = upto, max(needed, 2 * upto) if needed > upto else upto
    last = max(places, default=-1)
    found = sorted(places)
    return ScannedSeries(
        key=key,
        places={counter: places[counter] for counter in found},
        missing=tuple(counter for counter in range(last) if counter not in places),
        repeated=tuple(sorted(repeated)),
        disordered=tuple(after for before, after in pairwise(found) if places[after] < places[before]),
    )


def _hits(tags: bytes, wanted: Mapping[bytes, int]) -> Iterator[tuple[int, int]]:
    for index in range(len(tags) // TAG_BYTES):
        counter = wanted.get(tags[index * TAG_BYTES : (index + 1) * TAG_BYTES])
        if counter is not None:
            yield index, counter


def prove_entries(reader: LogReader, checkpoint: Checkpoint, hashes: HashReader, indices: Sequence[int]) -> Iterator[SeriesEntry]:
    """Prove entries of a log, one by one.

    Args:
        reader: The log.
        checkpoint: The head under which they are proved.
        hashes: Its tree, proven.
        indices: Their places.

    Raises:
        VerificationError: One is not what the tree holds.
        StorageError: Something could not be read.
    """
    size = checkpoint.size
    for index in indices:
        first = index // TILE_WIDTH * TILE_WIDTH
        address = BundleAddress(index // TILE_WIDTH, min(TILE_WIDTH, size - first))
        leaf = parse_bundle(reader.bundle(address), address)[index - first]
        if NodeHash(hash_leaf(leaf)) != hashes.read_hashes([(0, index)])[0]:
            raise VerificationError(f"entry {index} is not what the checkpoint of size {size} proves")
        yield SeriesEntry(index, leaf, prove_inclusion(hashes, LeafIndex(index), size))
