"""Nodes behind the API, in-process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.unit.api_routes.client import Api
from tests.unit.services_records.world import make_world

MakeApi = Callable[..., Api]


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Mark the tests of this folder: a whole node lives in each."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def make_api(tmp_path: Path) -> Iterator[MakeApi]:
    """Make nodes with settings of their own, stopped at the test's end."""
    with ExitStack() as stack:

        def make(**settings: object) -> Api:
            world = make_world(tmp_path / "n", **settings).start()  # type: ignore[arg-type]
            stack.callback(world.stop)
            return Api(world)

        yield make


@pytest.fixture
def api(make_api: MakeApi) -> Api:
    """A node with the settings of a devnet."""
    return make_api(server={"public_log": True, "wait_timeout_s": 20})
