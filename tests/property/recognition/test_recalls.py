"""What recalls stand against: the same in whatever order, and however often, entries are read; against the rule, read plainly."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from node.domain.recall import (
    LiftingReason,
    RecallAnnouncement,
    RecallCriteria,
    RecallId,
    RecallLifting,
    RecallListing,
    RecallReason,
    RecallStatement,
)
from node.recognition.recalls import LogRecalls

IDS = [RecallId(each * 32) for each in "ab"]
HASHES = [bytes([each]) * 32 for each in range(3)]

ids = st.sampled_from(IDS)
announcements = st.builds(
    RecallAnnouncement,
    ids,
    st.builds(RecallCriteria, st.just("LAB-K"), st.just(""), st.just(""), st.integers(0, 3), st.just(9)),
    st.just(RecallReason.OTHER),
)
listings = st.builds(RecallListing, ids, st.lists(st.sampled_from(HASHES), min_size=1, unique=True).map(tuple))
liftings = st.builds(RecallLifting, ids, st.just(LiftingReason.OTHER))
logs = st.lists(announcements | listings | liftings, max_size=12)


@given(logs, st.randoms(use_true_random=False), st.integers(0, 12))
def test_where_entries_stand_decides_and_not_when_they_are_read(log: list[RecallStatement], random: Random, again: int) -> None:
    numbered = list(enumerate(log))
    read = [*numbered, *numbered[:again]]
    random.shuffle(read)
    recalls = LogRecalls()
    for each in read:
        recalls.take([each])
    standing = [each for at, each in numbered if not _is_lifted(log, at)]
    assert list(recalls.standing) == [each.criteria for each in standing if isinstance(each, RecallAnnouncement)]
    named = {leaf_hash for each in standing if isinstance(each, RecallListing) for leaf_hash in each.leaf_hashes}
    assert {each for each in HASHES if recalls.names(each)} == named


def _is_lifted(log: list[RecallStatement], at: int) -> bool:
    return any(isinstance(each, RecallLifting) and each.recall_id == log[at].recall_id for each in log[at + 1 :])
