"""A witness's answers, status by status (C2SP tlog-witness), and what it remembers of them."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

import pytest

from ledger.cosignatures import Cosigner, verify_cosignature
from ledger.errors import CheckpointConflictError, MalformedWitnessError
from ledger.hashing import TreeSize
from ledger.notes import add_signatures, parse_note
from ledger.witness import (
    SIZE_MEDIA_TYPE,
    AddCheckpoint,
    Answer,
    CosignedHead,
    Witness,
    encode_add_checkpoint,
    parse_add_checkpoint,
    parse_conflict,
    parse_cosignatures,
)
from tests.served_logs import KEYS, AnyKey, ServedLog
from tests.simulators import ORIGIN, SIGNER

COSIGNER = Cosigner.from_seed("witness.example/w1", bytes(range(32)))
NOW_S = 1_790_000_000


class Heads:
    """Remembers in memory; can be made to lose a race."""

    def __init__(self) -> None:
        self.heads: dict[str, CosignedHead] = {}
        self.race: CosignedHead | None = None

    def head(self, origin: str) -> CosignedHead | None:
        return self.heads.get(origin)

    def replace(self, origin: str, expected: CosignedHead | None, new: CosignedHead) -> None:
        if self.race is not None:
            self.heads[origin] = self.race
        if self.heads.get(origin) != expected:
            raise CheckpointConflictError(None, None)
        self.heads[origin] = new


class World:
    def __init__(self) -> None:
        self.log = ServedLog(b"entry %d" % number for number in range(600))
        self.heads = Heads()
        self.witness = Witness(COSIGNER, self.heads, {ORIGIN: KEYS}.get)

    def request(self, old: int, new: int, log: ServedLog | None = None) -> AddCheckpoint:
        log = log or self.log
        return AddCheckpoint(TreeSize(old), log.proof(old, new), log.note(new))

    def ask(self, request: AddCheckpoint) -> Answer:
        return self.witness.add_checkpoint(encode_add_checkpoint(request), NOW_S)


@pytest.fixture
def world() -> World:
    return World()


def test_a_consistent_checkpoint_is_cosigned_and_remembered_first(world: World) -> None:
    for old, new in ((0, 1), (1, 300), (300, 300), (300, 600)):
        answer = world.ask(world.request(old, new))
        assert answer.status is HTTPStatus.OK
        note = add_signatures(parse_note(world.log.note(new)), *parse_cosignatures(answer.body))
        assert verify_cosignature(note, COSIGNER.verifier_key) == NOW_S
        assert world.heads.heads[ORIGIN] == CosignedHead(world.log.head(new).size, world.log.root(new), world.log.note(new))


def test_another_old_size_is_a_conflict_that_tells_the_right_one(world: World) -> None:
    world.ask(world.request(0, 300))
    for old, new in ((0, 600), (299, 600), (301, 600), (0, 300)):
        answer = world.ask(world.request(old, new))
        assert (answer.status, parse_conflict(answer.body, answer.media_type)) == (HTTPStatus.CONFLICT, 300)


def test_the_same_size_with_another_root_is_a_conflict(world: World) -> None:
    world.ask(world.request(0, 300))
    fork = world.log.fork(5, (b"other %d" % number for number in range(295)))
    assert world.ask(world.request(300, 300, fork)).status is HTTPStatus.CONFLICT
    assert world.heads.heads[ORIGIN].root == world.log.root(300)


def test_a_fork_and_a_wrong_proof_are_refused_and_nothing_is_remembered(world: World) -> None:
    world.ask(world.request(0, 300))
    fork = world.log.fork(5, (b"other %d" % number for number in range(500)))
    good = world.request(300, 600)
    for request in (
        world.request(300, 505, fork),
        replace(good, proof=good.proof[:-1]),
        replace(good, proof=()),
        replace(good, proof=good.proof * 2),
    ):
        assert world.ask(request).status is HTTPStatus.UNPROCESSABLE_ENTITY
    assert world.heads.heads[ORIGIN].size == 300


def test_unknown_logs_and_foreign_signatures_are_told_apart(world: World) -> None:
    other = ServedLog([b"x"], origin="another.example")
    assert world.ask(world.request(0, 1, other)).status is HTTPStatus.NOT_FOUND
    stranger = Witness(COSIGNER, world.heads, {ORIGIN: (AnyKey(SIGNER.verifier_key, 0, 10),)}.get)
    assert stranger.add_checkpoint(encode_add_checkpoint(world.request(0, 11)), NOW_S).status is HTTPStatus.FORBIDDEN
    altered = world.request(0, 11).note.replace(b"\n11\n", b"\n12\n")
    assert world.ask(AddCheckpoint(TreeSize(0), (), altered)).status is HTTPStatus.FORBIDDEN


def test_a_lost_race_is_a_conflict_with_what_won(world: World) -> None:
    world.heads.race = CosignedHead(TreeSize(600), world.log.root(600), world.log.note(600))
    answer = world.ask(world.request(0, 300))
    assert (answer.status, answer.body, answer.media_type) == (HTTPStatus.CONFLICT, b"600\n", SIZE_MEDIA_TYPE)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"old 0\n",
        b"old 0\n\n",
        b"old 00\n\nnote",
        b"old -1\n\nnote",
        b"old 1\r\n\nnote",
        b"new 1\n\nnote",
        b"old 1\nAAAA\n\nnote",
        b"old 1\n" + b"A" * 44 + b"\n\nnote",
        b"old 1\n" + (b"A" * 43 + b"=\n") * 64 + b"\nnote",
        "old \u0661\n\nnote".encode(),
        b"old 99999999999999999999\n\nnote",
    ],
)
def test_a_malformed_request_is_refused(world: World, data: bytes) -> None:
    with pytest.raises(MalformedWitnessError):
        parse_add_checkpoint(data)
    assert world.witness.add_checkpoint(data, NOW_S).status is HTTPStatus.BAD_REQUEST


def test_a_request_without_a_checkpoint_or_with_an_old_size_beyond_it_is_refused(world: World) -> None:
    for request in (AddCheckpoint(TreeSize(0), (), b"no note"), AddCheckpoint(TreeSize(7), (), world.log.note(6))):
        assert world.ask(request).status is HTTPStatus.BAD_REQUEST


def test_requests_come_back_as_they_were(world: World) -> None:
    request = world.request(1, 600)
    assert parse_add_checkpoint(encode_add_checkpoint(request)) == request


@pytest.mark.parametrize(
    ("body", "media_type"), [(b"5", SIZE_MEDIA_TYPE), (b"5\n", "text/plain"), (b"05\n", SIZE_MEDIA_TYPE), (b"", None)]
)
def test_an_answer_that_is_no_conflict_is_refused(body: bytes, media_type: str | None) -> None:
    with pytest.raises(MalformedWitnessError):
        parse_conflict(body, media_type)


@pytest.mark.parametrize("body", [b"", b"\n", b"x", "\N{EM DASH} witness.example AAAA\n".encode(), b"\xff\n"])
def test_an_answer_without_cosignatures_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedWitnessError):
        parse_cosignatures(body)
