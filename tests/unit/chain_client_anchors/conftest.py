"""A client of anchors on a simulated chain."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.chain_client_anchors.world import World


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


@pytest.fixture
def deep() -> Iterator[World]:
    made = World(depth=2)
    yield made
    made.close()
