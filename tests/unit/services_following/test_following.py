"""The following loop over real database files: what is indexed, what freezes, what is taken up again after a crash."""

from __future__ import annotations

import json

import pytest

from ledger.hashing import LeafIndex, hash_leaf
from ledger.witness import CosignedHead
from node.adapters.database.schema import INDEX, TRUST
from node.domain.entry import LeafReference
from node.domain.recall import LiftingReason, RecallAnnouncement, RecallCriteria, RecallId, RecallLifting, RecallReason
from node.domain.trust import Closure
from node.wire.evidence.fork_evidence import parse_fork_evidence
from tests.served_logs import ServedLog
from tests.unit.services_following.world import GRACE_S, POLL_S, RECALL_ID, Follower, Hospital, content

KEY = bytes(range(32))


def indexed(follower: Follower, hospital: Hospital) -> list[bytes]:
    return follower.index.leaves(hospital.origin, LeafIndex(0), 10_000)


def test_every_log_is_followed_and_indexed_leaf_by_leaf(follower: Follower) -> None:
    for number, hospital in enumerate(follower.hospitals):
        hospital.fill(300 * number)
    follower.poll()
    for hospital in follower.hospitals:
        assert indexed(follower, hospital) == hospital.log.entries
    follower.hospitals[1].fill(7)
    follower.poll()
    assert indexed(follower, follower.hospitals[1]) == follower.hospitals[1].log.entries
    assert [each.state for each in follower.service.report()] == ["new", "following", "following"]


def test_logs_without_news_are_left_alone_until_the_next_poll_and_those_told_of_are_not(follower: Follower) -> None:
    first, second, _ = follower.hospitals
    first.fill(3)
    second.fill(3)
    follower.poll()
    asked = first.asked, second.asked
    follower.clock.advance(POLL_S / 2)
    assert not follower.service.step()
    assert (first.asked, second.asked) == asked
    first.fill(2)
    follower.service.told([first.origin])
    follower.service.step()
    assert len(indexed(follower, first)) == 5
    assert second.asked == asked[1]


def test_a_peer_that_is_away_holds_up_nobody_and_is_asked_again(follower: Follower) -> None:
    first, second, _ = follower.hospitals
    first.fill(3)
    second.fill(3)
    first.away = True
    follower.poll()
    assert follower.status(first).state == "away"
    assert len(indexed(follower, second)) == 3
    first.away = False
    follower.clock.advance(1)
    follower.service.step()
    assert follower.status(first).state == "following"
    assert len(indexed(follower, first)) == 3


def test_a_fork_freezes_that_log_alone_and_is_kept_as_evidence(follower: Follower) -> None:
    first, second, _ = follower.hospitals
    first.fill(300)
    second.fill(3)
    follower.poll()
    first.serving = first.log.fork(20, [b"x%d" % number + bytes(104) for number in range(400)])
    second.fill(5)
    follower.poll()
    status = follower.status(first)
    assert (status.state, status.reason, status.trusted_size) == ("frozen", "fork", 300)
    assert len(indexed(follower, second)) == 8
    evidence = follower.trust.evidence(first.origin)
    assert evidence is not None
    found = parse_fork_evidence(evidence).contradiction
    assert (found.earlier, found.later) == (first.log.note(300), first.serving.note())
    first.serving = None
    first.fill(5)
    follower.restart()
    follower.poll()
    assert follower.status(first).state == "frozen"
    assert len(indexed(follower, first)) == 300


def test_a_frozen_log_is_followed_again_after_an_operators_word_and_frozen_again_if_it_still_contradicts(
    follower: Follower,
) -> None:
    first = follower.hospitals[0]
    first.fill(300)
    follower.poll()
    first.served_size = 200
    follower.poll()
    assert follower.status(first).reason == "rollback"
    assert follower.trust.unfreeze(first.origin, "a proxy served an old copy", 1)
    assert not follower.trust.unfreeze(first.origin, "again", 1)
    follower.poll()
    assert follower.status(first).state == "frozen"
    assert follower.trust.unfreeze(first.origin, "the proxy is gone", 2)
    first.served_size = None
    first.fill(10)
    follower.service.step()
    assert follower.status(first).state == "following"
    assert indexed(follower, first) == first.log.entries


def test_a_log_that_is_not_the_anchored_one_is_frozen_and_one_that_is_late_is_not(follower: Follower) -> None:
    first, second, _ = follower.hospitals
    first.fill(50)
    second.fill(50)
    follower.chain.anchor(first.origin, 30, ServedLog([b"other"] * 30).root())
    follower.chain.anchor(second.origin, 60, second.log.root())
    follower.poll()
    assert (follower.status(first).state, follower.status(first).reason) == ("frozen", "anchor")
    assert follower.status(second).state == "behind"
    assert len(indexed(follower, second)) == 50
    evidence = follower.trust.evidence(first.origin)
    assert evidence is not None
    assert json.loads(evidence)["kind"] == "anchor"


def test_a_head_that_this_nodes_witness_cosigned_counts_as_known(follower: Follower) -> None:
    first = follower.hospitals[0]
    first.fill(50)
    other = first.log.fork(3, [b"other"] * 20)
    head = other.head(other.size)
    follower.trust.witness("w").replace(first.origin, None, CosignedHead(head.size, head.root, other.note()))
    follower.poll()
    assert follower.status(first).reason == "fork"


@pytest.mark.parametrize("lost", [INDEX, TRUST])
def test_a_lost_database_is_filled_again(follower: Follower, lost: str) -> None:
    first = follower.hospitals[0]
    first.fill(700)
    follower.poll()
    follower.stop()
    for path in follower.directory.glob(f"{lost}*"):
        path.unlink()
    if lost == TRUST:
        follower.__post_init__()
    else:
        follower.start()
    first.fill(5)
    follower.poll()
    assert indexed(follower, first) == first.log.entries
    assert follower.status(first).trusted_size == 705


def test_an_older_trust_database_takes_the_index_back_with_it(follower: Follower) -> None:
    first = follower.hospitals[0]
    first.fill(300)
    follower.poll()
    older = follower.trust.followed(first.origin)
    assert older is not None
    first.fill(300)
    follower.poll()
    follower.trust.keep_followed(first.origin, older)
    follower.restart()
    follower.poll()
    assert indexed(follower, first) == first.log.entries


def test_headers_are_kept_if_they_are_the_leafs_and_withheld_ones_are_told_of(follower: Follower) -> None:
    first = follower.hospitals[0]
    first.fill(300)
    right = first.sealed[7]
    first.sealed[7] = b"another header"
    first.sealed[270] = None
    follower.poll()
    assert follower.service.withheld() == {}
    follower.clock.advance(GRACE_S + 1)
    assert follower.service.withheld() == {first.origin: 2}
    first.sealed[7] = right
    follower.poll()
    assert follower.service.withheld() == {first.origin: 1}


def test_headers_that_are_never_served_are_withheld_too(follower: Follower) -> None:
    first = follower.hospitals[0]
    first.fill(30)
    first.sealed.clear()
    follower.poll()
    follower.clock.advance(GRACE_S + 1)
    (withheld,) = follower.index.withheld(2**60)
    assert (withheld.origin, withheld.count, withheld.first) == (first.origin, 30, 0)


def test_a_tombstone_deletes_the_header_here_and_is_told_of(follower: Follower) -> None:
    first = follower.hospitals[0]
    target = first.add(KEY, 0, content(1))
    sealed = first.sealed[0]
    assert sealed is not None
    first.fill(3)
    follower.poll()
    assert sealed in (follower.directory / INDEX).read_bytes() + (follower.directory / f"{INDEX}-wal").read_bytes()
    first.bury(target)
    follower.poll()
    assert follower.buried == [(first.origin, 0, 4)]
    assert sealed not in (follower.directory / INDEX).read_bytes() + (follower.directory / f"{INDEX}-wal").read_bytes()
    follower.clock.advance(GRACE_S + 1)
    assert follower.service.withheld() == {}


def test_a_tombstone_that_comes_with_its_target_leaves_no_gap(follower: Follower) -> None:
    first = follower.hospitals[0]
    target = first.add(KEY, 0, content(1))
    first.bury(target)
    follower.poll()
    follower.clock.advance(GRACE_S + 1)
    assert follower.service.withheld() == {}


def test_a_tombstone_for_another_log_or_for_a_tombstone_deletes_nothing(follower: Follower) -> None:
    first, second, _ = follower.hospitals
    target = first.add(KEY, 0, content(1))
    first.bury(target)
    second.fill(1)
    second.sealed.append(None)
    second.log.grow([first.log.entries[1]])
    second.sealed[1] = first.sealed[1]
    follower.poll()
    assert [origin for origin, _, _ in follower.buried] == [first.origin]
    header = first.sealed[1]
    first.bury(LeafReference(first.origin, hash_leaf(first.log.entries[1])))
    first.sealed[1] = header
    follower.poll()
    assert len(follower.buried) == 1


def test_a_recall_counts_for_its_own_log_alone_and_is_remembered(follower: Follower) -> None:
    first, second, _ = follower.hospitals
    own, others, untouched = first.add(KEY, 0, content(1)), second.add(KEY, 0, content(1)), first.add(KEY, 1, content(1))
    first.recall(own.leaf_hash, others.leaf_hash)
    first.recall(own.leaf_hash)
    follower.poll()
    for _ in range(2):
        recalled = [follower.service.is_recalled(each) for each in (own, others, untouched)]
        assert recalled == [True, False, False]
        # what is no entry of the log is not even remembered
        assert not follower.service.is_recalled(LeafReference(first.origin, others.leaf_hash))
        follower.restart()


def test_what_is_no_recall_recalls_nothing(follower: Follower) -> None:
    first = follower.hospitals[0]
    target = first.add(KEY, 0, content(1))
    first.recall(target.leaf_hash)
    # the slot of another entry: its digest is not the leaf's
    first.recall(target.leaf_hash)
    first.sealed[-1], first.sealed[-2] = first.sealed[-2], None
    follower.poll()
    assert not follower.service.is_recalled(target)


def test_a_recall_that_is_forgotten_with_its_leaves_comes_back_with_them(follower: Follower) -> None:
    first = follower.hospitals[0]
    target = first.add(KEY, 0, content(1))
    first.recall(target.leaf_hash)
    follower.poll()
    follower.index.truncate(first.origin, LeafIndex(1))
    assert not follower.service.is_recalled(target)
    follower.restart()
    follower.poll()
    assert follower.service.is_recalled(target)


def test_an_announcement_stands_until_it_is_lifted_and_a_list_with_it(follower: Follower) -> None:
    first, second, _ = follower.hospitals
    target, criteria = first.add(KEY, 0, content(1)), RecallCriteria("", "", "L1", 0, 1)
    first.say(RecallAnnouncement(RECALL_ID, criteria, RecallReason.REAGENT))
    first.recall(target.leaf_hash)
    second.say(RecallLifting(RECALL_ID, LiftingReason.CLEARED))
    first.say(RecallLifting(RecallId("cd" * 16), LiftingReason.CLEARED))
    follower.poll()
    assert follower.service.is_recalled(target)
    assert list(follower.service.standing_recalls(first.origin)) == [criteria]
    assert list(follower.service.standing_recalls(second.origin)) == []
    first.say(RecallLifting(RECALL_ID, LiftingReason.CLEARED))
    follower.poll()
    for _ in range(2):
        assert not follower.service.is_recalled(target)
        assert list(follower.service.standing_recalls(first.origin)) == []
        follower.restart()
    follower.index.truncate(first.origin, LeafIndex(4))
    assert follower.service.is_recalled(target)
    assert list(follower.service.standing_recalls(first.origin)) == [criteria]


def test_a_closed_log_is_followed_to_its_end_and_no_further(follower: Follower) -> None:
    first = follower.hospitals[0]
    first.fill(30)
    first.closed = Closure(30, None)
    follower.restart()
    follower.poll()
    assert follower.status(first).state == "following"
    first.fill(1)
    follower.poll()
    assert follower.status(first).state == "closed"
    assert len(indexed(follower, first)) == 30
