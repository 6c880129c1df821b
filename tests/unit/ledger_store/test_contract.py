"""What every store has to do, by the words of `ledger.ports`."""

from __future__ import annotations

import pytest

from ledger.errors import CheckpointConflictError, EntryTooLargeError, ResourceConflictError, ResourceMissingError, StorageError
from ledger.hashing import LeafIndex
from ledger.tiles import BundleAddress, TileAddress, encode_entries
from tests.log_media import Medium
from tests.simulators import ORIGIN


def note(size: int) -> bytes:
    root = "A" * 42 + "E="
    return f"{ORIGIN}\n{size}\n{root}\n\n— {ORIGIN} {'A' * 88}\n".encode()


def tile(width: int, fill: int = 0) -> bytes:
    return b"".join(bytes([fill]) + number.to_bytes(31, "big") for number in range(width))


def bundle(width: int) -> bytes:
    return encode_entries([b"entry %d" % number for number in range(width)])


def test_a_new_log_is_empty(medium: Medium) -> None:
    with medium.open() as store:
        assert store.origin == ORIGIN
        assert store.checkpoint() is None
        assert store.committed() is None
        assert store.staged_range() == range(0)
        assert store.staged(LeafIndex(0), 10) == []


def test_staging_is_contiguous_across_restarts(medium: Medium) -> None:
    with medium.open() as store:
        assert store.stage([b"a", b"b"]) == 0
    with medium.open() as store:
        assert store.stage([]) == 2
        assert store.stage([b"", b"d", b"e" * 65535]) == 2
    with medium.open() as store:
        assert store.staged_range() == range(5)
        assert store.staged(LeafIndex(0), 10) == [b"a", b"b", b"", b"d", b"e" * 65535]
        assert store.staged(LeafIndex(1), 3) == [b"b", b"", b"d"]
        assert store.staged(LeafIndex(5), 3) == []


def test_large_calls_read_from_any_index(medium: Medium) -> None:
    entries = [b"%d" % number for number in range(10_000)]
    with medium.open() as store:
        store.stage([b"first"])
        store.stage(entries)
        assert store.staged(LeafIndex(4_500), 4_096) == entries[4_499:8_595]
        assert store.staged(LeafIndex(10_000), 4_096) == entries[9_999:]


def test_an_entry_too_large_stages_nothing(medium: Medium) -> None:
    with medium.open() as store:
        with pytest.raises(EntryTooLargeError):
            store.stage([b"a", b"e" * 65536])
        assert store.staged_range() == range(0)
        assert store.stage([b"b"]) == 0


def test_discarding_keeps_what_is_above(medium: Medium) -> None:
    with medium.open() as store:
        store.stage([b"a", b"b"])
        store.stage([b"c"])
        store.swap_checkpoint(None, note(2))
        store.publish(note(2))
        store.discard(LeafIndex(2))
    with medium.open() as store:
        assert store.staged(LeafIndex(2), 10) == [b"c"]
        assert store.stage([b"d"]) == 3
        store.swap_checkpoint(note(2), note(4))
        store.discard(LeafIndex(4))
        assert store.staged(LeafIndex(4), 10) == []
    with medium.open() as store:
        assert store.stage([b"e"]) == 4


def test_restaging_replaces_everything(medium: Medium) -> None:
    with medium.open() as store:
        store.stage([b"a", b"b"])
        store.stage([b"c"])
        store.restage(LeafIndex(7), [b"x", b"y"])
        assert store.staged_range() == range(7, 9)
    with medium.open() as store:
        with pytest.raises(StorageError, match="missing"):
            store.staged(LeafIndex(0), 10)
        assert store.staged(LeafIndex(7), 10) == [b"x", b"y"]
        assert store.stage([b"z"]) == 9
        store.restage(LeafIndex(12), [])
    with medium.open() as store:
        assert store.stage([b"later"]) == 12
        assert store.staged(LeafIndex(12), 10) == [b"later"]


def test_the_checkpoint_is_compared_before_it_is_swapped(medium: Medium) -> None:
    with medium.open() as store:
        with pytest.raises(CheckpointConflictError):
            store.swap_checkpoint(note(1), note(2))
        store.swap_checkpoint(None, note(1))
        with pytest.raises(CheckpointConflictError) as caught:
            store.swap_checkpoint(None, note(2))
        assert (caught.value.expected, caught.value.actual) == (None, note(1))
        store.swap_checkpoint(note(1), note(2))
    with medium.open() as store:
        assert store.committed() == note(2)
        assert store.checkpoint() is None


def test_only_the_committed_checkpoint_is_published(medium: Medium) -> None:
    with medium.open() as store:
        store.swap_checkpoint(None, note(1))
        with pytest.raises(CheckpointConflictError):
            store.publish(note(2))
        store.publish(note(1))
    with medium.open() as store:
        assert store.checkpoint() == note(1)


def test_tiles_and_bundles_read_back(medium: Medium) -> None:
    tiles = {TileAddress(0, 0): tile(256), TileAddress(0, 1, 3): tile(3), TileAddress(1, 0, 1): tile(1, 9)}
    bundles = {BundleAddress(0): bundle(256), BundleAddress(1, 3): bundle(3)}
    with medium.open() as store:
        store.write_batch(tiles, bundles)
        store.write_batch(tiles, bundles)
    with medium.open() as store:
        assert store.read_tiles(list(tiles)) == list(tiles.values())
        assert store.read_tiles([]) == []
        assert store.tile(TileAddress(1, 0, 1)) == tile(1, 9)
        assert store.bundle(BundleAddress(1, 3)) == bundle(3)
        for missing in (TileAddress(0, 1), TileAddress(0, 1, 4), TileAddress(3, 0, 1)):
            with pytest.raises(ResourceMissingError):
                store.tile(missing)
        with pytest.raises(ResourceMissingError):
            store.bundle(BundleAddress(1, 4))


def test_partial_tiles_stay_readable_while_they_grow_and_when_they_are_full(medium: Medium) -> None:
    for width in (3, 100, 256):
        with medium.open() as store:
            store.write_batch({TileAddress(0, 0, width): tile(width)}, {BundleAddress(0, width): bundle(width)})
            store.swap_checkpoint(store.committed(), note(width))
            store.publish(note(width))
            store.discard(LeafIndex(width))
            assert store.tile(TileAddress(0, 0, 3)) == tile(3)
            assert store.bundle(BundleAddress(0, 3)) == bundle(3)
    with medium.open() as store:
        assert store.tile(TileAddress(0, 0, 100)) == tile(100)
        assert store.bundle(BundleAddress(0, 100)) == bundle(100)


@pytest.mark.parametrize("width", [256, 7])
def test_other_bytes_never_replace_what_is_there(medium: Medium, width: int) -> None:
    address = TileAddress(0, 4, width)
    with medium.open() as store:
        store.write_batch({address: tile(width)}, {})
        with pytest.raises(ResourceConflictError) as caught:
            store.write_batch({TileAddress(0, 3): tile(256), address: tile(width, 1)}, {})
        assert "tile/0/004" in caught.value.resource
        assert store.tile(address) == tile(width)


def test_a_recovery_may_replace_what_nobody_committed_to(medium: Medium) -> None:
    with medium.open() as store:
        store.write_batch({TileAddress(0, 4, 7): tile(7)}, {BundleAddress(4, 2): bundle(2)})
        store.write_batch({TileAddress(0, 4, 7): tile(7, 1)}, {BundleAddress(4, 2): b"\x00\x00\x00\x00"}, replace=True)
    with medium.open() as store:
        assert store.tile(TileAddress(0, 4, 7)) == tile(7, 1)
        assert store.bundle(BundleAddress(4, 2)) == b"\x00\x00\x00\x00"
