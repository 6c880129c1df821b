"""Reading one log again, as far as it had been read: what is out of order is told, what is of another history is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest

from ledger.hashing import TreeSize
from ledger.ports import LogReader
from node.domain.entry import Origin
from node.domain.patient import LocatorTag
from node.errors import LookRefutedError, MalformedLookError, UnknownFormatError
from node.services.patient_view.look_again import LogLook
from node.wire.certificate.look_file import LookAgain, LookedLog, encode_look, parse_look
from node.wire.patient.entries import AnsweredLog, TagsByLog
from node.wire.trusted_head import open_trusted_head
from tests.unit.completeness_proof.patient_logs import RECORDS, GrownLog, grow, leaf, mixed, tag
from tests.unit.evidence_verify.world import A, B, make_root


class AsOf:
    """A `LogReader` that serves one head, with its cosignatures, before the tiles that it has."""

    def __init__(self, log: GrownLog) -> None:
        self._log = log
        self.origin = log.store.origin
        self.tile = log.store.tile
        self.bundle = log.store.bundle
        self.read_tiles = log.store.read_tiles

    def checkpoint(self) -> bytes:
        return self._log.note


class OneLog:
    """A `LookGateway` to one log, whose node hands out no headers; it serves the log as of an earlier time, or another one."""

    def __init__(self, log: GrownLog) -> None:
        self._log = log

    @contextmanager
    def open_log(self, origin: Origin) -> Iterator[LogReader]:
        del origin
        yield AsOf(self._log)

    def entries(self, origin: Origin, tags: TagsByLog) -> Mapping[Origin, AnsweredLog]:
        del tags
        raise ConnectionError(f"{origin} is mute")


def through(
    log: GrownLog, size: int | None = None, shown: GrownLog | None = None, origin: Origin = A
) -> tuple[LookedLog, list[str]]:
    head = None if shown is None else open_trusted_head(shown.note, make_root())
    looking = LogLook(origin, TreeSize(log.checkpoint.size if size is None else size), [RECORDS], head, 16)
    looked, troubles = looking.through(OneLog(log), make_root())
    return looked, [each.reason for each in troubles if each.is_of_the_log]


def records(*counters: int) -> Sequence[LocatorTag]:
    return [tag(RECORDS, counter) for counter in counters]


def test_what_lies_below_the_size_is_found_and_nothing_else() -> None:
    log = grow(mixed(records(0, 1, 2)))
    whole, troubles = through(log)
    assert (len(whole.entries), troubles) == (3, [])
    assert len(through(log, whole.entries[2].index)[0].entries) == 2
    assert len(through(log, whole.entries[2].index + 1)[0].entries) == 3
    assert through(log, 0)[0].entries == ()


@pytest.mark.parametrize(
    ("counters", "found", "reasons"),
    [((0, 2, 3), 1, ["missing"]), ((1,), 0, ["missing"]), ((0, 1, 1), 2, ["repeated"]), ((1, 0), 1, ["disordered"])],
    ids=["a-gap", "no-first", "twice", "another-order"],
)
def test_numbers_that_are_out_of_order_end_what_is_found_and_are_told(
    counters: Sequence[int], found: int, reasons: Sequence[str]
) -> None:
    looked, troubles = through(grow(mixed(records(*counters))))
    assert (len(looked.entries), troubles) == (found, reasons)


def test_leaves_of_another_release_are_told() -> None:
    assert through(grow([*mixed(records(0)), b"\x09" + bytes(105)]))[1] == ["unknown"]


@pytest.mark.parametrize("sizes", [(270, 250), (250, 250), (250, 270)], ids=["grown", "as-it-was", "an-earlier-head-is-served"])
def test_one_history_is_proved_whichever_head_is_larger(sizes: tuple[int, int]) -> None:
    entries = mixed(records(0, 1))
    served, shown = (grow(entries[:size]) for size in sizes)
    # the tiles are those of the larger one: a log that serves an earlier head still has them
    looked, troubles = through(replace(grow(entries[: max(sizes)]), note=served.note), 200, shown)
    assert (looked.head, bool(looked.consistency), troubles) == (served.note, sizes[0] != sizes[1], [])


def test_another_history_is_refused() -> None:
    entries = mixed(records(0))
    with pytest.raises(LookRefutedError, match="forked"):
        through(grow([*entries, leaf(tag(RECORDS, 8))]), 10, grow([*entries[:-1], leaf(tag(RECORDS, 9))]))


def test_a_log_as_of_an_earlier_time_or_another_log_is_refused() -> None:
    log = grow(mixed(records(0)))
    with pytest.raises(ConnectionError, match="earlier time"):
        through(log, log.checkpoint.size + 1)
    with pytest.raises(LookRefutedError, match="in its place"):
        through(log, 1, origin=B)


FILE = encode_look(LookAgain(0, 1, b"certificate", {1: bytes(32), 2: bytes(32)}))


def test_a_file_is_read_as_it_was_written() -> None:
    assert encode_look(parse_look(FILE)) == FILE


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (b'"version":1', b'"version":2', UnknownFormatError),
        (b"concord/look-again", b"concord/other", MalformedLookError),
        (b'"epoch":2', b'"epoch":1', MalformedLookError),
        (b'"epoch":1', b'"epoch":7', MalformedLookError),
        (b'"window":1', b'"window":0', MalformedLookError),
        (b'"maps":[]', b'"maps":[],"more":1', MalformedLookError),
        (b'"certificate":"Y2', b'"certificate":"?2', MalformedLookError),
    ],
    ids=["newer", "another-format", "an-epoch-twice", "another-order", "no-window", "more", "no-base64"],
)
def test_what_is_no_such_file_is_refused(old: bytes, new: bytes, error: type[Exception]) -> None:
    assert old in FILE
    with pytest.raises(error):
        parse_look(FILE.replace(old, new, 1))
