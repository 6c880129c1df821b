"""The committed gas table, and the bounds that the design promises."""

from __future__ import annotations

import pytest

from contracts.gas import Gas
from tests.evm.gas_table import SIZES, TABLE, measure, render

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rows() -> dict[str, Gas]:
    return measure()


def test_the_committed_table_is_exact(rows: dict[str, Gas]) -> None:
    assert TABLE.read_text("utf-8") == render(rows), "run python -m tests.evm.gas_table"


def test_a_later_anchor_with_its_access_list_executes_under_30k_gas(rows: dict[str, Gas]) -> None:
    listed = [gas.execution for label, gas in rows.items() if label.startswith("anchor at") and "listed" in label]
    assert len(listed) >= 2 * len(SIZES)
    assert max(listed) < 30_000


def test_the_access_list_saves_4500_of_execution_and_200_in_all(rows: dict[str, Gas]) -> None:
    plain = {label: gas for label, gas in rows.items() if f"{label}, listed" in rows and label.startswith("anchor at")}
    assert plain
    for label, gas in plain.items():
        listed = rows[f"{label}, listed"]
        assert (gas.execution - listed.execution, gas.transaction - listed.transaction) == (4500, 200)
