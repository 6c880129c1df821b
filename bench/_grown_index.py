"""An index of what was followed, as large as a bench asks for, written as the following loop writes it.

Most entries are somebody else's: random headers under random tags, which nobody without their keys can tell from sealed ones.
Those of the patients are sealed for real, under one or the other of two epochs, in a few of the logs.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ledger.hashing import LeafIndex, hash_leaves
from node.adapters.database.logs.index import SqlFollowedIndex
from node.domain.entry import EntryType, Origin
from node.domain.header import HeaderContent
from node.ports.logs.index import HeaderPage
from node.wire.header.seal import HeaderPlace, header_digest, prepare_header, seal_header
from node.wire.leaf import Leaf, encode_leaf
from node.wire.locator import locator_tag, random_tag

ENTRIES = 8
"""Entries of a patient."""

_LOGS_OF_A_PATIENT = 4
_SEED = 4


@dataclass(frozen=True, slots=True)
class Size:
    """How much is followed."""

    logs: int
    """Logs."""
    headers: int
    """Entries of all of them."""
    header_bytes: int
    """Bytes of a header that is somebody else's."""


@dataclass(slots=True)
class Patient:
    """A patient's two epoch keys, and how many entries are under each."""

    number: int
    keys: tuple[bytes, bytes]
    counters: dict[tuple[int, Origin], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One entry."""

    origin: Origin
    leaf: bytes
    header: bytes
    patient: int


def make_rows(
    size: Size, origins: Sequence[Origin], patients: Sequence[Patient], content: Callable[[Patient, int], HeaderContent]
) -> Iterator[tuple[Origin, list[Row]]]:
    """Make each log's entries: the patients' among many of others.

    Args:
        size: How many.
        origins: The logs.
        patients: Whose entries are to be found.
        content: What a patient's entry of a number from 0 says.
    """
    chance = random.Random(_SEED)  # noqa: S311 - a workload, not a key
    own: dict[Origin, list[Row]] = {origin: [] for origin in origins}
    for patient in patients:
        visited = chance.sample(origins, min(_LOGS_OF_A_PATIENT, len(origins)))
        for entry in range(ENTRIES):
            origin = visited[entry % len(visited)]
            own[origin].append(_own_row(patient, origin, entry % 2, content(patient, entry)))
    each = size.headers // size.logs
    for origin in origins:
        others = [_other_row(origin, size.header_bytes) for _ in range(max(0, each - len(own[origin])))]
        yield origin, [*others, *own[origin]]


def _own_row(patient: Patient, origin: Origin, epoch: int, content: HeaderContent) -> Row:
    key, counter = patient.keys[epoch], patient.counters.get((epoch, origin), 0)
    patient.counters[epoch, origin] = counter + 1
    tag = locator_tag(key, origin, 0, counter)
    place = HeaderPlace(origin, EntryType.RECORD, tag)
    header = seal_header(prepare_header(content, ()), place, reader_key=key, reader_key_id=bytes(8))
    return Row(origin, _leaf(tag, header), header, patient.number)


def _other_row(origin: Origin, header_bytes: int) -> Row:
    header = os.urandom(header_bytes)
    return Row(origin, _leaf(random_tag(), header), header, -1)


def _leaf(tag: bytes, header: bytes) -> bytes:
    return encode_leaf(Leaf(EntryType.RECORD, 0, bytes(32), random_tag(lambda _: tag), header_digest(header)))


def fill(index: SqlFollowedIndex, origin: Origin, rows: Sequence[Row]) -> None:
    """Index a log as the following loop does."""
    leaves = [row.leaf for row in rows]
    index.append(origin, LeafIndex(0), leaves, hash_leaves(leaves), 0)
    headers = {LeafIndex(number): row.header for number, row in enumerate(rows)}
    index.keep_headers(HeaderPage(origin, headers, (), {}, LeafIndex(len(rows))))
