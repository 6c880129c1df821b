"""Two nodes that know each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.members.neighbourhood import Neighbourhood, make_neighbourhood


@pytest.fixture
def neighbours(tmp_path: Path) -> Iterator[Neighbourhood]:
    # the loops are stepped by the tests: a loop that looks on its own would race with them
    made = make_neighbourhood(tmp_path, {"outbox_interval_s": 3600.0}).start()
    yield made
    made.stop()
