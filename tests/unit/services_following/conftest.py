"""A follower of three hospitals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.services_following.world import Follower, Hospital


@pytest.fixture
def follower(tmp_path: Path) -> Iterator[Follower]:
    made = Follower(tmp_path, [Hospital(number) for number in range(3)])
    yield made
    made.stop()
