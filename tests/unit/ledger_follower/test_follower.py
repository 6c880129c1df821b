"""Following a log, step by step: nothing is released that is not proven, nothing is trusted that contradicts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.errors import (
    ContradictionError,
    LedgerError,
    MalformedCheckpointError,
    OriginMismatchError,
    SignatureError,
)
from ledger.follower import (
    Contradicted,
    Follower,
    FollowerState,
    HeadBehind,
    HeadTrusted,
    LeavesVerified,
    encode_state,
    parse_state,
)
from ledger.forks import Contradiction, ContradictionKind, verify_contradiction
from ledger.hashing import LeafIndex, RootHash, hash_leaves
from ledger.notes import NoteSigner
from ledger.tiles import Resource
from tests.served_logs import KEYS, AnyKey, ServedLog, drive, flipped
from tests.simulators import ORIGIN, SIGNER

SIZES = (0, 1, 2, 255, 256, 257, 300, 511, 512, 700, 65_536, 66_000)
OTHER = NoteSigner.from_seed(ORIGIN, bytes(range(32)))


def entries(count: int, start: int = 0, word: str = "entry") -> list[bytes]:
    return [b"%s %d" % (word.encode(), number) for number in range(start, count)]


def released(events: list[object]) -> list[bytes]:
    found: list[bytes] = []
    for event in events:
        if isinstance(event, LeavesVerified):
            assert list(event.hashes) == hash_leaves(event.entries)
            found += event.entries
    return found


@pytest.mark.parametrize("size", SIZES)
def test_every_leaf_of_a_first_checkpoint_is_released_in_order(size: int) -> None:
    log = ServedLog(entries(size))
    follower = Follower(ORIGIN, KEYS)
    events = drive(follower, log)
    assert isinstance(events[0], HeadTrusted)
    assert released([*events]) == log.entries
    assert follower.state == FollowerState(log.note(), LeafIndex(size))
    assert follower.wanted() == ()


@pytest.mark.parametrize("old", SIZES)
@pytest.mark.parametrize("more", [1, 44, 256, 1_000])
def test_growth_releases_what_is_new_and_nothing_twice(old: int, more: int) -> None:
    log = ServedLog(entries(old))
    follower = Follower(ORIGIN, KEYS, window_bundles=3)
    drive(follower, log)
    log.grow(entries(old + more, old))
    assert released([*drive(follower, log)]) == log.entries[old:]
    assert drive(follower, log) == []


def test_following_goes_on_from_an_encoded_state_in_the_middle_of_a_bundle() -> None:
    log = ServedLog(entries(1_000))
    state = FollowerState(log.note(700), LeafIndex(300))
    follower = Follower(ORIGIN, KEYS, parse_state(encode_state(state)))
    assert released([*drive(follower, log)]) == log.entries[300:]


def test_tiles_are_few_and_bundles_are_asked_for_once() -> None:
    log = ServedLog(entries(66_000))
    follower = Follower(ORIGIN, KEYS)
    asked: list[Resource] = []
    follower.offer(log.note())
    while wanted := follower.wanted():
        asked += wanted
        follower.receive(log.contents(wanted))
    assert len(asked) == len(set(asked))
    assert len(asked) - 258 <= 4


@pytest.mark.slow
@pytest.mark.parametrize("number", range(12))
@pytest.mark.parametrize("step", range(3))
def test_a_tile_or_bundle_that_does_not_fit_is_refused_and_may_be_asked_for_again(number: int, step: int) -> None:
    log = ServedLog(entries(66_000))
    follower = Follower(ORIGIN, KEYS, window_bundles=5)
    drive(follower, log, 300)
    follower.offer(log.note())
    events: list[object] = []
    for _ in range(step):
        events += follower.receive(log.contents(follower.wanted()))
    with pytest.raises(LedgerError):
        follower.receive(flipped(log.contents(follower.wanted()), number))
    assert follower.wanted() == ()
    events += drive(follower, log)
    assert released(events) == log.entries[300:]


@pytest.mark.parametrize(
    ("old", "at", "new"), [(1, 0, 1), (300, 10, 300), (300, 10, 301), (256, 255, 700), (512, 3, 66_000), (299, 298, 300)]
)
def test_a_fork_is_proved_and_not_trusted(old: int, at: int, new: int) -> None:
    log = ServedLog(entries(old))
    follower = Follower(ORIGIN, KEYS)
    drive(follower, log)
    fork = log.fork(at, entries(new, at, "other"))
    (event,) = drive(follower, fork)
    assert isinstance(event, Contradicted)
    proof = event.contradiction
    assert (proof.kind, proof.earlier, proof.later) == (ContradictionKind.FORK, log.note(), fork.note())
    earlier, later = verify_contradiction(proof, KEYS, ORIGIN)
    assert earlier is not None
    assert (earlier.size, later.size) == (old, new)
    assert follower.state == FollowerState(log.note(), LeafIndex(old))


def test_a_smaller_checkpoint_is_a_rollback_that_proves_only_that_both_were_signed() -> None:
    log = ServedLog(entries(300))
    follower = Follower(ORIGIN, KEYS)
    drive(follower, log)
    (event,) = drive(follower, log, 299)
    assert isinstance(event, Contradicted)
    assert event.contradiction == Contradiction(ContradictionKind.ROLLBACK, log.note(), log.note(299))
    verify_contradiction(event.contradiction, KEYS, ORIGIN)


def test_a_head_that_is_not_the_chains_is_refused_before_it_is_trusted() -> None:
    log = ServedLog(entries(600))
    fork = log.fork(20, entries(900, 20, "other"))
    for size in (21, 256, 600, 900):
        anchored = (fork if size > 600 else log).head(size) if size != 900 else log.fork(5, entries(900, 5, "third")).head(900)
        follower = Follower(ORIGIN, KEYS)
        (event,) = drive(follower, fork, known=[anchored])
        assert isinstance(event, Contradicted)
        assert event.contradiction.kind is ContradictionKind.ANCHOR
        assert verify_contradiction(event.contradiction, KEYS, ORIGIN)[0] is None
        assert follower.trusted is None


def test_a_witnessed_head_that_another_head_contradicts_is_a_fork_of_two_notes() -> None:
    log = ServedLog(entries(600))
    fork = log.fork(20, entries(900, 20, "other"))
    (event,) = drive(Follower(ORIGIN, KEYS), fork, known=[log.head(600, signed=True)])
    assert isinstance(event, Contradicted)
    assert event.contradiction.kind is ContradictionKind.FORK
    verify_contradiction(event.contradiction, KEYS, ORIGIN)


def test_a_chain_that_is_ahead_makes_the_log_late_and_is_no_fork() -> None:
    log = ServedLog(entries(600))
    events = drive(Follower(ORIGIN, KEYS), log, 300, known=[log.head(256), log.head(600)])
    assert events[0] == HeadBehind(log.head(300).size, log.head(600).size)
    assert released([*events]) == log.entries[:300]


def test_a_chain_head_is_checked_against_a_checkpoint_that_is_trusted_already() -> None:
    log = ServedLog(entries(600))
    follower = Follower(ORIGIN, KEYS)
    drive(follower, log)
    assert drive(follower, log, known=[log.head(300)]) == []
    asked = follower.wanted()
    assert (drive(follower, log, known=[log.head(300)]), asked) == ([], ())
    (event,) = drive(follower, log, known=[log.fork(7, entries(290, 7, "other")).head(290)])
    assert isinstance(event, Contradicted)


def test_a_checkpoint_counts_only_with_a_key_that_may_sign_its_size() -> None:
    log = ServedLog(entries(600))
    keys = (AnyKey(OTHER.verifier_key, 0, 299), AnyKey(SIGNER.verifier_key, 300))
    follower = Follower(ORIGIN, keys)
    with pytest.raises(SignatureError):
        follower.offer(log.note(299))
    with pytest.raises(SignatureError):
        Follower(ORIGIN, (AnyKey(SIGNER.verifier_key, 0, 5),)).offer(log.note())
    assert drive(follower, log)
    with pytest.raises(OriginMismatchError):
        Follower("another.example", KEYS).offer(log.note())


@pytest.mark.parametrize("data", [b"", b"\x01" + bytes(7), b"\x02" + bytes(8), b"\x01" + bytes(7) + b"\x01"])
def test_a_state_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedCheckpointError):
        parse_state(data)


def contradictions() -> list[Contradiction]:
    log = ServedLog(entries(300))
    fork = log.fork(7, entries(700, 7, "other"))
    follower = Follower(ORIGIN, KEYS)
    drive(follower, log)
    (event,) = drive(follower, fork)
    assert isinstance(event, Contradicted)
    good = event.contradiction
    assert good.prefix_root is not None
    rollback = Contradiction(ContradictionKind.ROLLBACK, log.note(), log.note(5))
    return [
        replace(good, prefix_root=log.root()),
        replace(good, prefix_root=None),
        replace(good, prefix_root=RootHash(bytes(32))),
        replace(good, consistency=good.consistency[:-1]),
        replace(good, later=log.note()),
        replace(good, later=log.note(), prefix_root=None, consistency=()),
        replace(good, earlier=None),
        replace(good, kind=ContradictionKind.ANCHOR),
        replace(good, anchored=log.head(5)),
        replace(good, kind=ContradictionKind.ROLLBACK),
        replace(rollback, later=log.note()),
        replace(rollback, prefix_root=log.root(5)),
    ]


@pytest.mark.parametrize("number", range(12))
def test_a_contradiction_that_shows_none_is_refused(number: int) -> None:
    with pytest.raises(ContradictionError):
        verify_contradiction(contradictions()[number], KEYS, ORIGIN)
