from __future__ import annotations

from collections.abc import Sequence

import pytest

from ledger.errors import EntryTooLargeError, MalformedTileError, OutOfRangeError, ResourceMissingError
from ledger.hashing import HASH_BYTES, MAX_TREE_SIZE, TreeSize, hash_leaves, root_of_leaves
from ledger.tiles import (
    MAX_ENTRY_BYTES,
    BundleAddress,
    TileAddress,
    TileHashReader,
    bundles_between,
    bundles_of,
    cut_tiles,
    edge_tiles,
    encode_bundle,
    encode_entries,
    encode_tile,
    encode_tile_path,
    locate_node,
    parse_bundle,
    parse_entries,
    parse_tile,
    parse_tile_path,
    tiles_between,
    tiles_of,
)

LEAVES = hash_leaves([b"%d" % at for at in range(700)])


@pytest.mark.parametrize(
    ("address", "path"),
    [
        (TileAddress(0, 0), "tile/0/000"),
        (TileAddress(0, 1_234_067, 8), "tile/0/x001/x234/067.p/8"),
        (TileAddress(63, 999, 255), "tile/63/999.p/255"),
        (TileAddress(1, 1000), "tile/1/x001/000"),
        (BundleAddress(7), "tile/entries/007"),
        (BundleAddress(1_000_000, 1), "tile/entries/x001/x000/000.p/1"),
        (TileAddress(0, MAX_TREE_SIZE // 256), "tile/0/x036/x028/x797/x018/x963/967"),
    ],
)
def test_paths(address: TileAddress | BundleAddress, path: str) -> None:
    assert encode_tile_path(address) == path
    assert parse_tile_path(path) == address


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0",
        "tile/0/",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x001",
        "tile/0/001/002",
        "tile/0/x000/001",
        "tile/0/x001/x002",
        "tile/00/001",
        "tile/64/001",
        "tile/-1/001",
        "tile/100/001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/01",
        "tile/0/001.p/1000",
        "tile/0/001.p/",
        "tile/0/001.p",
        "tile/0/001.p/+1",
        "tile/0/001/",
        "/tile/0/001",
        "tile/0/001\n",
        "tile/0/\u0660\u0660\u0661",
        "tile/data/001",
        "tile/entries/x000/001",
        "tile/0/x036/x028/x797/x018/x963/968",
        "tile/0/x001/x000/x000/x000/x000/x000/000",
        "tile//001",
        "tile/0/../1/001",
    ],
)
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(MalformedTileError):
        parse_tile_path(path)


@pytest.mark.parametrize(("level", "index", "width"), [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 2**55, 1), (0, 0, 0), (0, 0, 257)])
def test_addresses_that_are_none(level: int, index: int, width: int) -> None:
    with pytest.raises(MalformedTileError):
        TileAddress(level, index, width)


@pytest.mark.parametrize(("index", "width"), [(-1, 1), (2**55, 1), (0, 0), (0, 257)])
def test_bundle_addresses_that_are_none(index: int, width: int) -> None:
    with pytest.raises(MalformedTileError):
        BundleAddress(index, width)


def test_a_tile_is_its_hashes() -> None:
    data = encode_tile(LEAVES[:3])
    assert data == b"".join(LEAVES[:3])
    assert b"".join(parse_tile(data, TileAddress(0, 0, 3))) == data


@pytest.mark.parametrize("length", [0, 1, 95, 97, 64, 128])
def test_a_tile_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(MalformedTileError, match=r"tile/0/000\.p/3"):
        parse_tile(b"\0" * length, TileAddress(0, 0, 3))


@pytest.mark.parametrize("hashes", [[], [b"\0" * 32] * 257, [b"\0" * 31], [b"\0" * 33]])
def test_what_makes_no_tile(hashes: list[bytes]) -> None:
    with pytest.raises(MalformedTileError):
        encode_tile(hashes)


@pytest.mark.parametrize("length", [0, 1, 255, 256, 1023, 1024, MAX_ENTRY_BYTES])
def test_entries_of_every_length_travel(length: int) -> None:
    entries = [b"e" * length, b"", b"x"]
    data = encode_entries(entries)
    assert data.startswith(length.to_bytes(2, "big"))
    assert parse_entries(data) == entries


def test_an_entry_is_at_most_a_u16_long() -> None:
    with pytest.raises(EntryTooLargeError, match="entry 1 ") as caught:
        encode_entries([b"fits", b"x" * (MAX_ENTRY_BYTES + 1)])
    assert (caught.value.position, caught.value.length_bytes) == (1, MAX_ENTRY_BYTES + 1)


@pytest.mark.parametrize("data", [b"\0", b"\0\1", b"\0\1a\0", b"\0\1a\0\2b", b"\xff\xff" + b"a" * 65534])
def test_cut_off_entries_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedTileError, match="cut off"):
        parse_entries(data)


def test_a_bundle_has_as_many_entries_as_its_address_says() -> None:
    data = encode_bundle([b"one", b"two"])
    assert parse_bundle(data, BundleAddress(0, 2)) == [b"one", b"two"]
    for width in (1, 3, 256):
        with pytest.raises(MalformedTileError, match="2 entries instead of"):
            parse_bundle(data, BundleAddress(0, width))


@pytest.mark.parametrize("count", [0, 257])
def test_what_makes_no_bundle(count: int) -> None:
    with pytest.raises(MalformedTileError):
        encode_bundle([b"x"] * count)


def test_the_tiles_of_70000_entries_are_those_of_the_specification() -> None:
    tiles = list(tiles_of(TreeSize(70_000)))
    assert len(tiles) == 273 + 1 + 1 + 1 + 1
    assert tiles[272:] == [
        TileAddress(0, 272),
        TileAddress(0, 273, 112),
        TileAddress(1, 0),
        TileAddress(1, 1, 17),
        TileAddress(2, 0, 1),
    ]
    assert edge_tiles(TreeSize(70_000)) == [TileAddress(0, 273, 112), TileAddress(1, 1, 17), TileAddress(2, 0, 1)]


def test_the_tiles_of_256_entries_are_those_of_the_specification() -> None:
    assert list(tiles_of(TreeSize(256))) == [TileAddress(0, 0), TileAddress(1, 0, 1)]
    assert edge_tiles(TreeSize(256)) == [None, TileAddress(1, 0, 1)]


def test_growth_names_only_what_changes() -> None:
    assert list(tiles_between(TreeSize(300), TreeSize(300))) == []
    assert list(tiles_between(TreeSize(300), TreeSize(301))) == [TileAddress(0, 1, 45)]
    assert list(tiles_between(TreeSize(511), TreeSize(513))) == [
        TileAddress(0, 1),
        TileAddress(0, 2, 1),
        TileAddress(1, 0, 2),
    ]
    assert list(bundles_between(TreeSize(511), TreeSize(513))) == [BundleAddress(1), BundleAddress(2, 1)]
    assert list(bundles_of(TreeSize(257))) == [BundleAddress(0), BundleAddress(1, 1)]


@pytest.mark.parametrize(("old", "new"), [(2, 1), (-1, 1), (0, MAX_TREE_SIZE + 1)])
def test_trees_do_not_shrink(old: int, new: int) -> None:
    with pytest.raises(OutOfRangeError):
        list(tiles_between(TreeSize(old), TreeSize(new)))
    with pytest.raises(OutOfRangeError):
        list(bundles_between(TreeSize(old), TreeSize(new)))


def test_runs_are_cut_at_tile_boundaries() -> None:
    run = b"".join(LEAVES[:300])
    cut = dict(cut_tiles(0, 512, run))
    assert cut == {TileAddress(0, 2): run[: 256 * HASH_BYTES], TileAddress(0, 3, 44): run[256 * HASH_BYTES :]}


@pytest.mark.parametrize(("first", "run"), [(1, b"\0" * 32), (0, b"\0" * 31)])
def test_runs_start_at_a_tile_and_end_at_a_hash(first: int, run: bytes) -> None:
    with pytest.raises(MalformedTileError):
        list(cut_tiles(0, first, run))


@pytest.mark.parametrize(
    ("node", "place"),
    [
        ((0, 0), (TileAddress(0, 0), 0, 32)),
        ((7, 1), (TileAddress(0, 0), 4096, 8192)),
        ((8, 1), (TileAddress(1, 0, 2), 32, 64)),
        ((9, 0), (TileAddress(1, 0, 2), 0, 64)),
        ((1, 349), (TileAddress(0, 2, 188), 186 * 32, 188 * 32)),
    ],
)
def test_nodes_are_located(node: tuple[int, int], place: tuple[TileAddress, int, int]) -> None:
    assert locate_node(*node, TreeSize(700)) == place


@pytest.mark.parametrize("node", [(0, 700), (8, 2), (10, 0), (-1, 0), (0, -1), (70, 0)])
def test_nodes_that_the_tree_lacks(node: tuple[int, int]) -> None:
    with pytest.raises(OutOfRangeError):
        locate_node(*node, TreeSize(700))


class OneTile:
    """A source that holds the first level of a small tree."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.requests: list[list[TileAddress]] = []

    def read_tiles(self, addresses: Sequence[TileAddress]) -> list[bytes]:
        self.requests.append(list(addresses))
        if addresses and addresses[0].index:
            raise ResourceMissingError(encode_tile_path(addresses[0]))
        return [self.data for _ in addresses]


def test_a_reader_asks_for_each_tile_once() -> None:
    source = OneTile(b"".join(LEAVES[:8]))
    reader = TileHashReader(source, TreeSize(8))
    assert reader.size == 8
    assert reader.read_hashes([(0, 3), (2, 1), (3, 0)]) == [
        LEAVES[3],
        root_of_leaves(LEAVES[4:8]),
        root_of_leaves(LEAVES[:8]),
    ]
    assert source.requests == [[TileAddress(0, 0, 8)]]


def test_a_reader_refuses_a_tile_of_another_length() -> None:
    reader = TileHashReader(OneTile(b"".join(LEAVES[:9])), TreeSize(8))
    with pytest.raises(MalformedTileError):
        reader.read_hashes([(0, 0)])


def test_a_full_tile_and_a_full_bundle_travel() -> None:
    full = encode_tile(LEAVES[:256])
    assert b"".join(parse_tile(full, TileAddress(0, 0))) == full == b"".join(LEAVES[:256])
    entries = [b"%d" % at for at in range(256)]
    assert parse_bundle(encode_bundle(entries), BundleAddress(0)) == entries


def test_the_largest_tree_has_a_partial_tile_on_every_level() -> None:
    tiles = list(tiles_between(TreeSize(MAX_TREE_SIZE - 1), MAX_TREE_SIZE))
    assert tiles == [TileAddress(0, 2**55 - 1, 255)]
    assert edge_tiles(MAX_TREE_SIZE)[7] == TileAddress(7, 0, 127)
    assert [tile is not None and tile.width for tile in edge_tiles(MAX_TREE_SIZE)] == [255] * 7 + [127]
