"""Tiles and entry bundles as rows of a table: a row is found by its level and index, and holds the widest that there is.

Left out: the statements (`sql_tables`), transactions (`sql`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from ledger.errors import ResourceMissingError
from ledger.mirror import cut
from ledger.store.sql_statements import MAX_LISTED
from ledger.tiles import Resource, TileAddress, encode_tile_path

_BUNDLE_LEVEL: Final = -1
"""The level under which entry bundles are kept, below that of the leaves."""


def read_resources(resources: Sequence[Resource], ask: Callable[..., Sequence[tuple[int, int, bytes]]]) -> list[bytes]:
    """Return contents, asking once for each level: SQLite would answer row values in `IN` with a scan.

    Args:
        resources: What is wanted.
        ask: Returns (index, width, content) of the rows `at` a level with one of the `numbers`.

    Raises:
        ResourceMissingError: One of them is not there.
    """
    found: dict[tuple[int, int], tuple[int, bytes]] = {}
    for level, indices in by_level({(level_of(resource), resource.index) for resource in resources}).items():
        for start in range(0, len(indices), MAX_LISTED):
            for index, width, content in ask(at=level, numbers=indices[start : start + MAX_LISTED]):
                found[level, index] = (width, content)
    contents = []
    for resource in resources:
        width, content = found.get((level_of(resource), resource.index), (0, b""))
        if width < resource.width:
            raise ResourceMissingError(encode_tile_path(resource))
        contents.append(content if width == resource.width else cut(resource, content))
    return contents


def by_level(keys: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    """Sort (level, index) by level."""
    levels: dict[int, list[int]] = {}
    for level, index in keys:
        levels.setdefault(level, []).append(index)
    return levels


def level_of(resource: Resource) -> int:
    """Return the level under which a row is found."""
    return resource.level if isinstance(resource, TileAddress) else _BUNDLE_LEVEL
