"""Tombstones reach every member, and who has not deleted its copy is listed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.domain.entry import Origin
from node.errors import HeaderKeptError
from node.services.surface.exchange import Exchange
from tests.unit.api_routes.client import Api
from tests.unit.members.neighbourhood import OTHER, Neighbourhood, away, deliver_by_hand, honest, make_neighbourhood
from tests.unit.services_entries.test_acts import ENTRY, stage
from tests.unit.services_records.world import HOSPITAL, World, report

pytestmark = pytest.mark.slow


@pytest.fixture
def neighbours(tmp_path: Path) -> Iterator[Neighbourhood]:
    made = make_neighbourhood(tmp_path, {"outbox_interval_s": 3600.0}).start()
    for world in (made.here, made.there):
        deliver_by_hand(world)
    yield made
    made.stop()


def exchange(world: World) -> Exchange:
    found = world.running.node.exchange
    assert found is not None
    return found


def waiting(neighbours: Neighbourhood) -> list[tuple[int, tuple[str, ...]]]:
    page = neighbours.here.running.node.custody.tombstones.page(HOSPITAL, waiting=True, limit=10)
    return [(state.tombstone.leaf_index, state.waiting) for state in page]


def erase(neighbours: Neighbourhood) -> int:
    receipt = neighbours.here.receipt(report("1"))
    (tombstone,) = neighbours.here.running.node.erasure.erase(HOSPITAL, receipt.record_id).tombstones
    return tombstone


def seen_there(neighbours: Neighbourhood, tombstone: int) -> None:
    """Let the other node's follower find the tombstone."""
    watch = neighbours.there.running.node.custody.watch
    watch.seen(neighbours.here.origin(), 0, tombstone)  # type: ignore[arg-type]  # an index


def test_a_member_is_listed_until_its_copy_has_gone(neighbours: Neighbourhood) -> None:
    tombstone = erase(neighbours)
    assert waiting(neighbours) == [(tombstone, (OTHER,))]
    exchange(neighbours.here).outbox.deliver()
    # it was told; that its copy has gone it says when its follower has seen the tombstone in the log
    assert waiting(neighbours) == [(tombstone, (OTHER,))]
    seen_there(neighbours, tombstone)
    exchange(neighbours.there).outbox.deliver()
    assert waiting(neighbours) == []
    (state,) = neighbours.here.running.node.custody.tombstones.page(HOSPITAL, waiting=False, limit=10)
    assert set(state.acknowledged_at_ms) == {OTHER}


def test_what_is_told_is_looked_at_at_once(neighbours: Neighbourhood) -> None:
    looked: list[Origin] = []
    neighbours.there.running.node.custody.watch.on_told(looked.extend)
    erase(neighbours)
    exchange(neighbours.here).outbox.deliver()
    assert looked == [neighbours.here.origin()]


def test_a_member_that_is_away_stays_listed_and_is_told_again(neighbours: Neighbourhood) -> None:
    neighbours.network.meddle = away
    tombstone = erase(neighbours)
    exchange(neighbours.here).outbox.deliver()
    assert waiting(neighbours) == [(tombstone, (OTHER,))]
    neighbours.network.meddle = honest
    neighbours.clock.advance(seconds=10)
    looked: list[Origin] = []
    neighbours.there.running.node.custody.watch.on_told(looked.extend)
    exchange(neighbours.here).outbox.deliver()
    assert looked == [neighbours.here.origin()]


def test_nobody_acknowledges_for_another(neighbours: Neighbourhood) -> None:
    tombstone = erase(neighbours)
    outbox = exchange(neighbours.there).outbox
    body = json.dumps({"origin": "clinic-a.example/log", "leaf_index": tombstone}).encode()
    neighbours.there.running.sharing.writer.submit(
        lambda tx: outbox.tell(tx, OTHER, [HOSPITAL], "tombstone-done", "x", body)
    ).result(30)
    outbox.deliver()
    assert waiting(neighbours) == [(tombstone, (OTHER,))]


def test_word_of_a_tombstone_in_anothers_log_is_refused(neighbours: Neighbourhood) -> None:
    outbox = exchange(neighbours.there).outbox
    body = json.dumps({"origin": neighbours.here.origin(), "leaf_index": 1, "leaf": "", "header": ""}).encode()
    neighbours.there.running.sharing.writer.submit(lambda tx: outbox.tell(tx, OTHER, [HOSPITAL], "tombstone", "x", body)).result(30)
    outbox.deliver()
    (row,) = outbox.unacknowledged(OTHER, 10)
    assert row.attempts == 1


def test_a_suspended_member_is_not_told(neighbours: Neighbourhood) -> None:
    neighbours.suspend(OTHER)
    erase(neighbours)
    assert waiting(neighbours) == []


def test_receipts_keep_their_headers(neighbours: Neighbourhood) -> None:
    world = neighbours.here
    (staged,) = stage(world, ENTRY)
    tombstones = world.running.node.custody.tombstones

    def bury(transaction: object) -> None:
        (entry,) = transaction.entries_from(staged.origin, staged.leaf_index)  # type: ignore[attr-defined]
        tombstones.bury(transaction, HOSPITAL, [entry], bodies=False)  # type: ignore[arg-type]

    with pytest.raises(HeaderKeptError, match="access-receipt"):
        world.running.sharing.writer.submit(bury).result(30)
    assert world.rows("SELECT count(*) FROM headers") == [(1,)]
    assert world.rows("SELECT count(*) FROM entries") == [(1,)]


def test_the_api_lists_them(neighbours: Neighbourhood) -> None:
    tombstone = erase(neighbours)
    api = Api(neighbours.here)
    listed = api.get("/v1/tombstones").json()
    assert [(one["leaf_index"], one["waiting_for"]) for one in listed["tombstones"]] == [(tombstone, [OTHER])]
    assert listed["relocations_waiting"] == 0
