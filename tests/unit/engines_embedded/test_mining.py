"""Blocks: what goes into one, in which order, and what happens when it cannot be written."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from devnet.engines.embedded import mining, rules
from devnet.engines.embedded.admission import Admitted
from devnet.engines.embedded.errors import InternalError, RpcError, TransactionRefusedError
from devnet.engines.embedded.store import open_connection
from tests.unit.engines_embedded.chains import KEYS, Bench, admitted, bench

A, B, POOR = KEYS[0], KEYS[1], KEYS[2]


def messages(outcomes: list[bytes | RpcError]) -> list[str]:
    return [outcome.message if isinstance(outcome, RpcError) else "ok" for outcome in outcomes]


def test_what_arrives_together_shares_a_block(mined: Bench) -> None:
    group = [admitted(A, 0), admitted(B, 0), admitted(A, 1)]
    assert mined.miner.mine(group) == [one.hash for one in group]
    assert mined.store.head().number == 1
    assert mined.transactions(1) == [one.hash for one in group]


def test_nothing_new_makes_no_block(mined: Bench) -> None:
    assert mined.miner.mine([]) == []
    first = admitted(A, 0)
    mined.miner.mine([first])
    assert messages(mined.miner.mine([first, first])) == ["already known", "already known"]
    assert messages(mined.miner.mine([admitted(A, 0, value=1)])) == ["nonce too low: next nonce 1, tx nonce 0"]
    assert mined.store.head().number == 1


def test_a_transaction_sent_twice_in_one_group_is_mined_once(mined: Bench) -> None:
    first = admitted(A, 0)
    assert messages(mined.miner.mine([first, first])) == ["ok", "already known"]
    assert mined.transactions(1) == [first.hash]


def test_one_refusal_leaves_its_neighbours_alone(mined: Bench) -> None:
    group = [admitted(A, 0), admitted(POOR, 0, value=1), admitted(B, 0)]
    outcomes = messages(mined.miner.mine(group))
    assert outcomes[0] == outcomes[2] == "ok"
    assert outcomes[1].startswith("insufficient funds for gas * price + value: address 0x")
    assert outcomes[1].endswith("have 0 want 1")
    assert mined.transactions(1) == [group[0].hash, group[2].hash]


def test_a_group_out_of_order_is_put_in_order(mined: Bench) -> None:
    group = [admitted(A, nonce) for nonce in (3, 1, 0, 2)]
    assert messages(mined.miner.mine(group)) == ["ok"] * 4
    assert mined.transactions(1) == [group[2].hash, group[1].hash, group[3].hash, group[0].hash]
    assert mined.store.pool_size() == 0


def test_a_gap_waits_on_disk_until_it_is_filled(directory: Path) -> None:
    late = [admitted(A, nonce) for nonce in (1, 2)]
    with bench(directory) as before:
        assert messages(before.miner.mine(late)) == ["ok", "ok"]
        assert before.store.head().number == 0
    with bench(directory) as after:
        assert after.store.pooled_by_hash(late[0].hash) is not None
        assert messages(after.miner.mine(late)) == ["already known", "already known"]
        first = admitted(A, 0)
        after.miner.mine([first])
        assert after.transactions(1) == [first.hash, late[0].hash, late[1].hash]
        assert after.store.pool_size() == 0


def test_what_waits_is_replaced_only_for_a_better_price(mined: Bench) -> None:
    free, dearer = admitted(A, 1), admitted(A, 1, gasPrice=10)
    assert messages(mined.miner.mine([dearer])) == ["ok"]
    assert messages(mined.miner.mine([free])) == ["replacement transaction underpriced"]
    assert messages(mined.miner.mine([admitted(A, 1, gasPrice=10, value=1)])) == ["replacement transaction underpriced"]
    best = admitted(A, 1, gasPrice=11)
    assert messages(mined.miner.mine([best])) == ["ok"]
    mined.miner.mine([admitted(A, 0)])
    assert mined.transactions(1)[1] == best.hash
    assert mined.store.transaction_by_hash(dearer.hash) is None


def test_a_sender_may_not_fill_the_pool(mined: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mining, "MAX_POOLED_PER_SENDER", 3)
    outcomes = messages(mined.miner.mine([admitted(A, nonce) for nonce in range(1, 5)]))
    assert outcomes == ["ok", "ok", "ok", "nonce too high: next nonce 0, tx nonce 4, and the pool is full"]
    assert messages(mined.miner.mine([admitted(A, 9)]))[0].startswith("nonce too high")


def test_a_waiting_transaction_that_cannot_be_paid_is_dropped(mined: Bench) -> None:
    unpayable = admitted(POOR, 1, value=1)
    assert messages(mined.miner.mine([unpayable, admitted(POOR, 0)])) == ["ok", "ok"]
    assert mined.store.pooled_by_hash(unpayable.hash) is None
    again = admitted(POOR, 1)
    assert messages(mined.miner.mine([again])) == ["ok"]
    assert mined.store.transaction_by_hash(again.hash) is not None


def test_more_gas_than_a_block_has_makes_more_blocks(mined: Bench) -> None:
    group = [admitted(key, 0, gas=rules.GAS_LIMIT) for key in KEYS[:3]]
    assert messages(mined.miner.mine(group)) == ["ok"] * 3
    assert [mined.transactions(number) for number in (1, 2, 3)] == [[one.hash] for one in group]


def test_what_waited_and_does_not_fit_goes_into_the_next_block(mined: Bench) -> None:
    whole = rules.GAS_LIMIT
    group: list[Admitted] = [admitted(A, nonce, gas=whole) for nonce in (2, 1, 0)]
    assert messages(mined.miner.mine(group)) == ["ok"] * 3
    assert [mined.transactions(number) for number in (1, 2, 3)] == [[one.hash] for one in reversed(group)]
    assert mined.store.pool_size() == 0


def test_time_never_goes_back(directory: Path) -> None:
    times = iter([1_900_000_000, 1_700_000_000, 1_900_000_005])
    with bench(directory, lambda: next(times)) as mined:
        for nonce in range(3):
            mined.miner.mine([admitted(A, nonce)])
        seen = [rules.decode_header(row.header).timestamp for n in (1, 2, 3) if (row := mined.store.block_by_number(n))]
    assert seen == [1_900_000_000, 1_900_000_000, 1_900_000_005]


def test_gas_stays_free_after_a_full_block(mined: Bench) -> None:
    invalid = "0xfe"  # takes all the gas that it is given
    mined.miner.mine([admitted(A, 0, to=None, data=invalid, gas=rules.GAS_LIMIT)])
    full = rules.decode_header(mined.store.head().header)
    assert full.gas_used == rules.GAS_LIMIT
    assert messages(mined.miner.mine([admitted(POOR, 0)])) == ["ok"]
    assert rules.decode_header(mined.store.head().header).base_fee_per_gas == 0


def test_a_full_disk_refuses_and_loses_nothing(mined: Bench) -> None:
    mined.miner.mine([admitted(A, 0)])
    head = mined.store.head()
    pages = mined.connection.execute("PRAGMA page_count").fetchone()[0]
    mined.connection.execute(f"PRAGMA max_page_count = {pages}")
    large = admitted(A, 1, data="0x" + "ab" * 100_000, gas=5_000_000)
    (outcome,) = mined.miner.mine([large])
    assert isinstance(outcome, InternalError)
    assert not mined.connection.in_transaction
    assert mined.store.head() == head
    assert mined.nodes.pending == {}
    mined.connection.execute("PRAGMA max_page_count = 1000000")
    assert mined.miner.mine([large]) == [large.hash]
    assert mined.store.head().number == 2


def test_dropped_blocks_are_gone_and_their_successors_differ(mined: Bench) -> None:
    transactions = [admitted(A, nonce) for nonce in range(3)]
    for one in transactions:
        mined.miner.mine([one])
    before = mined.store.block_by_number(2)
    mined.miner.revert_to(1)
    assert mined.store.head().number == 1
    assert mined.store.transaction_by_hash(transactions[1].hash) is None
    assert mined.miner.mine([transactions[1]]) == [transactions[1].hash]
    after = mined.store.block_by_number(2)
    assert before is not None
    assert after is not None
    assert before.hash != after.hash
    with pytest.raises(TransactionRefusedError, match="no block 9"):
        mined.miner.revert_to(9)


@pytest.mark.parametrize(
    ("where", "index"),
    [
        ("address IN (x'11') AND block BETWEEN 0 AND 10", "logs_by_address (address=? AND block>? AND block<?)"),
        ("topic0 IN (x'11') AND block BETWEEN 0 AND 10", "logs_by_topic0 (topic0=? AND block>? AND block<?)"),
        ("block BETWEEN 0 AND 10", "PRIMARY KEY (block>? AND block<?)"),
    ],
)
def test_no_log_query_reads_the_whole_history(mined: Bench, where: str, index: str) -> None:
    plan = mined.connection.execute(
        f"EXPLAIN QUERY PLAN SELECT * FROM logs WHERE {where} ORDER BY block, position LIMIT 5"  # noqa: S608 - fixed words
    ).fetchall()
    assert index in plan[0][3]


def test_the_file_is_durable_at_each_commit(mined: Bench) -> None:
    assert mined.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert mined.connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_block_that_was_not_committed_is_not_there(directory: Path) -> None:
    with bench(directory) as mined:
        mined.connection.execute("CREATE TRIGGER refuse BEFORE INSERT ON logs BEGIN SELECT RAISE(ABORT, 'no'); END")
        # LOG0 of nothing: PUSH1 0, PUSH1 0, LOG0 as init code.
        (outcome,) = mined.miner.mine([admitted(A, 0, to=None, data="0x60006000a0", gas=100_000)])
        assert isinstance(outcome, InternalError)
    with bench(directory) as after:
        assert after.store.head().number == 0
        after.connection.execute("DROP TRIGGER refuse")
        again = admitted(A, 0, to=None, data="0x60006000a0", gas=100_000)
        assert after.miner.mine([again]) == [again.hash]
        assert len(after.store.logs_of(1)) == 1


def test_a_reader_cannot_write(directory: Path) -> None:

    connection = open_connection(directory / "chain.db", read_only=True)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM blocks")
    connection.close()
