"""A log that shows nothing new for too long is found, with its last entry; one that goes on settles it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.api_routes.client import Api
from tests.unit.services_records.world import World
from tests.unit.services_supervision.consortium import HOLDER, REGULATOR, A, eventually, log_receipt, make_consortium

SILENT_S = 7_200.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    rules = {"interval_s": 0.02, "receipt_grace_s": 10 * SILENT_S, "silent_log_s": SILENT_S}
    made = make_consortium(tmp_path / "n", supervision=rules).start()
    yield made
    made.stop()


def silent(world: World) -> dict[str, dict[str, Any]]:
    """Return what is found about silent logs that is open, by log."""
    response = Api(world).get("/v1/supervision/findings?code=log_silent&open=true", institution=REGULATOR)
    return {each["subject"]: each for each in response.json()["findings"]}


def test_a_silent_log_is_found_with_its_last_entry_until_it_goes_on(world: World) -> None:
    staged = log_receipt(world, HOLDER)
    origin = f"{A}.example/log"
    eventually(lambda: world.rows("SELECT count(*) FROM supervision_receipts")[0][0], lambda found: found == 1)
    assert silent(world) == {}
    world.clock.advance(seconds=SILENT_S + 1)
    found = eventually(lambda: silent(world), lambda each: origin in each)
    assert (found[origin]["institutions"], found[origin]["values"]) == ([A], {"size": "1"})
    assert [each["leaf_hash"] for each in found[origin]["entries"]] == [staged.leaf_hash.hex()]
    # those that never had an entry have nothing to show
    assert len(found) == 3 or eventually(lambda: silent(world), lambda each: len(each) == 3)
    log_receipt(world, HOLDER)
    eventually(lambda: silent(world), lambda each: origin not in each)
