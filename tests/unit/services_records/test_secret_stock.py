"""Secrets that are durable before anybody needs them: few durable writes, none given twice, none that a sweep may have taken."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest

from node.ports.records.secrets import RecordSecret, SecretId
from node.services.records.erasure import ORPHAN_AGE_MS
from node.services.records.secret_stock import MAX_AGE_MS, MAX_DRAWN, SecretStock
from tests.unit.services_records.world import MovingClock


class Store:
    """A `SecretStore` that counts its durable writes, and can fail."""

    def __init__(self) -> None:
        self.secrets: dict[SecretId, RecordSecret] = {}
        self.writes: list[int] = []
        self.is_full = False

    def put_many(self, secrets: Mapping[SecretId, RecordSecret]) -> None:
        if self.is_full:
            raise OSError("no space left")
        self.writes.append(len(secrets))
        self.secrets.update(secrets)

    def get(self, secret_id: SecretId) -> RecordSecret | None:
        return self.secrets.get(secret_id)

    def destroy(self, secret_ids: Collection[SecretId]) -> None:
        raise NotImplementedError

    def unswept(self, stored_before_ms: int, limit: int) -> tuple[frozenset[SecretId], int]:
        raise NotImplementedError

    def swept(self, stored_before_ms: int) -> None:
        raise NotImplementedError


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
def stock(store: Store, clock: MovingClock) -> SecretStock:
    return SecretStock(store, clock)


def test_what_is_taken_is_durable_and_nobody_else_s(store: Store, stock: SecretStock) -> None:
    taken = [secret for count in (1, 2, 3, 70, 1, 0, 5) for secret in stock.take(count)]
    assert len(taken) == 82
    assert len({secret_id for secret_id, _ in taken}) == len({secret for _, secret in taken}) == 82
    assert all(store.secrets[secret_id] == secret for secret_id, secret in taken)


def test_one_after_the_other_they_cost_fewer_and_fewer_durable_writes(store: Store, stock: SecretStock) -> None:
    for _ in range(255):
        stock.take(1)
    assert store.writes == [1, 2, 4, 8, 16, 32, MAX_DRAWN, MAX_DRAWN, MAX_DRAWN]


def test_whoever_is_used_seldom_leaves_nothing_for_the_sweep(store: Store, stock: SecretStock, clock: MovingClock) -> None:
    for _ in range(10):
        stock.take(1)
        clock.advance(hours=1)
    assert store.writes == [1] * 10


@pytest.mark.parametrize("seconds", [MAX_AGE_MS / 1000 + 1, -1])
def test_one_that_is_too_old_or_of_a_later_time_is_not_given(
    store: Store, stock: SecretStock, clock: MovingClock, seconds: float
) -> None:
    """A sweep of another process goes by the time at which a secret was stored."""
    first = [stock.take(1), stock.take(1)]
    unused = set(store.secrets) - {secret_id for taken in first for secret_id, _ in taken}
    assert len(unused) == 1
    clock.advance(seconds=seconds)
    assert not unused & {secret_id for secret_id, _ in stock.take(3)}
    assert MAX_AGE_MS * 10 < ORPHAN_AGE_MS


def test_those_that_were_left_do_not_become_younger(store: Store, stock: SecretStock, clock: MovingClock) -> None:
    stock.take(1)
    stock.take(1)
    clock.advance(seconds=MAX_AGE_MS / 1000 - 1)
    # one of them is the one that was left
    assert len(stock.take(3)) == 3
    known = set(store.secrets)
    clock.advance(seconds=2)
    (taken,) = stock.take(1)
    assert taken[0] not in known


def test_what_could_not_be_stored_is_not_given(store: Store, stock: SecretStock) -> None:
    store.is_full = True
    with pytest.raises(OSError, match="no space"):
        stock.take(1)
    store.is_full = False
    ((secret_id, _),) = stock.take(1)
    assert secret_id in store.secrets
