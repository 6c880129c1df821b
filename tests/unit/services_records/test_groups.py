"""Group commit: who comes together shares a transaction and a checkpoint; who fails, fails alone."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from node.adapters.database.records.transaction import connection_of
from node.adapters.database.records.writer import MAX_GROUP, SqlRecordsWriter
from node.domain.receipt import Outcome
from node.errors import NodeStoppingError
from node.ports.records.transaction import RecordsTransaction
from node.wire.prepare import FinishedEntry, PreparedRecord, finish_record
from tests.unit.services_records.world import HOSPITAL, WAIT_S, World, make_world, report

pytestmark = pytest.mark.slow


def writer_of(world: World) -> SqlRecordsWriter:
    writer = world.running.node.ingest._writer
    assert isinstance(writer, SqlRecordsWriter)
    return writer


@contextmanager
def counting_commits(world: World) -> Iterator[list[sa.Connection]]:
    commits: list[sa.Connection] = []
    engine = writer_of(world)._engine

    def count(connection: sa.Connection) -> None:
        commits.append(connection)

    event.listen(engine, "commit", count)
    yield commits
    event.remove(engine, "commit", count)


@contextmanager
def writer_held(world: World) -> Iterator[None]:
    """Keep the writer busy, so that what is submitted meanwhile queues up."""
    entered, go_on = threading.Event(), threading.Event()

    def work(_: RecordsTransaction) -> None:
        entered.set()
        assert go_on.wait(WAIT_S)

    held = writer_of(world).submit(work)
    assert entered.wait(WAIT_S)
    yield
    go_on.set()
    held.result(WAIT_S)


def wait_queued(world: World, count: int) -> None:
    settled = threading.Event()
    for _ in range(3000):
        if writer_of(world).depth() >= count:
            return
        settled.wait(0.01)
    raise AssertionError("they did not queue up in time")


def test_what_queues_up_shares_one_transaction_and_one_checkpoint(world: World) -> None:
    world.wait_logged(world.receipt(report("0")))
    with counting_commits(world) as seen:
        with writer_held(world):
            futures = [world.send(report(f"{n}")) for n in range(1, 65)]
            wait_queued(world, 64)
        receipts = [future.result(WAIT_S).receipts[0] for future in futures]
        for receipt in receipts:
            world.wait_logged(receipt)
    # the holder's, the group's, and those of the sequencer: one with the checkpoint, a few that find nothing to do
    assert len(seen) <= 8
    assert sorted(one.leaf_index or 0 for one in receipts) == list(range(1, 65))
    assert len(world.leaves()) == 65


def test_a_group_is_bounded(world: World) -> None:
    class Recorder:
        def __init__(self) -> None:
            self.sizes: list[int] = []

        def run(self, _: RecordsTransaction, items: Sequence[int]) -> Sequence[int]:
            self.sizes.append(len(items))
            return items

    recorder = Recorder()
    # it has nothing to do here, and what it asks for at the start would come between
    world.running.sequencing.close()
    with writer_held(world):
        futures = [writer_of(world).submit_items(recorder, [n]) for n in range(2 * MAX_GROUP + 1)]
    assert [future.result(WAIT_S) for future in futures] == [[n] for n in range(2 * MAX_GROUP + 1)]
    assert max(recorder.sizes) == MAX_GROUP
    assert sum(recorder.sizes) == 2 * MAX_GROUP + 1
    assert len(recorder.sizes) <= 8


def test_small_works_that_queue_up_share_a_transaction_and_fail_alone(world: World) -> None:
    writer = writer_of(world)
    world.running.sequencing.close()
    runs: Counter[int] = Counter()
    joined: list[RecordsTransaction] = []

    def submit(number: int) -> Future[int]:
        def work(transaction: RecordsTransaction) -> int:
            runs[number] += 1
            joined.append(transaction)
            if number == 13:
                raise ValueError("a work that cannot be done")
            connection_of(transaction).execute(
                sa.text("INSERT INTO request_nonces VALUES ('k', :nonce, 0)"), {"nonce": str(number)}
            )
            return number

        return writer.submit_together(work)

    with writer_held(world):
        futures = [submit(number) for number in range(10)]
    assert [future.result(WAIT_S) for future in futures] == list(range(10))
    assert len({id(transaction) for transaction in joined}) == 1
    assert set(runs.values()) == {1}
    with writer_held(world):
        futures = [submit(number) for number in range(10, 20)]
    assert [number for number, future in enumerate(futures, 10) if future.exception(WAIT_S)] == [13]
    kept = {int(nonce) for (nonce,) in world.rows("SELECT nonce FROM request_nonces")}
    assert kept == {*range(10), *range(10, 20)} - {13}


def test_what_makes_one_fail_does_not_take_its_neighbours_along(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def finish(prepared: PreparedRecord, **rest: Any) -> FinishedEntry:  # noqa: ANN401 - passed on as they are
        if prepared.identity.value == "13":
            raise ValueError("a field of the wrong length")
        return finish_record(prepared, **rest)

    monkeypatch.setattr("node.services.records.staging.finish_record", finish)
    with writer_held(world):
        futures = [world.send(report(f"{n}")) for n in range(10, 20)]
        wait_queued(world, 10)
    failed = [number for number, future in enumerate(futures, 10) if future.exception(WAIT_S) is not None]
    assert failed == [13]
    assert world.rows("SELECT count(*) FROM records") == [(9,)]
    last = max((future.result().receipts[0] for future in futures if not future.exception()), key=lambda one: one.leaf_index or 0)
    world.wait_logged(last)
    assert len(world.leaves()) == 9


def test_many_threads_that_submit_one_identity_make_one_chain_without_gaps(world: World) -> None:
    contents = 8
    start = threading.Barrier(32)

    def submit(number: int) -> tuple[int, Outcome]:
        start.wait(WAIT_S)
        receipt = world.receipt(report("F-7", value=str(number % contents)))
        return receipt.version, receipt.outcome

    with ThreadPoolExecutor(32) as pool:
        done = list(pool.map(submit, range(32)))
    assert {version for version, _ in done} == set(range(1, contents + 1))
    assert Counter(outcome for _, outcome in done) == {Outcome.NEW: 1, Outcome.AMENDED: contents - 1, Outcome.SAME: 32 - contents}
    ((record_id,),) = world.rows("SELECT record_id FROM records")
    record = world.running.node.reader.record(record_id)
    assert record is not None
    assert [entry.version for entry in record.entries] == list(range(1, contents + 1))
    assert sorted(entry.leaf_index for entry in record.entries) == list(range(contents))


def test_a_stopping_node_answers_everyone(world: World) -> None:
    futures = [world.running.node.ingest.submit(HOSPITAL, b"{}") for _ in range(5)]
    futures += [world.send(report(f"{n}")) for n in range(20)]
    late = world.send
    running = world.running
    world.stop()
    assert all(future.done() for future in futures)
    stored = sum(1 for future in futures if future.exception() is None)
    assert world.rows("SELECT count(*) FROM records") == [(stored,)]
    world._running = running
    refused = late(report("after"))
    world._running = None
    assert isinstance(refused.exception(WAIT_S), NodeStoppingError)


@pytest.mark.parametrize("batch_entries", [1, 7, 50_000])
def test_all_that_is_staged_is_logged_whatever_a_checkpoint_may_hold(tmp_path: Path, batch_entries: int) -> None:
    small = make_world(tmp_path / "small", log={"checkpoint_interval_ms": 0, "batch_entries": batch_entries}).start()
    with writer_held(small):
        futures = [small.send(report(f"{n}")) for n in range(20)]
        wait_queued(small, 20)
    for future in futures:
        small.wait_logged(future.result(WAIT_S).receipts[0])
    assert len(small.leaves()) == 20
    small.stop()
