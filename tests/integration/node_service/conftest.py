"""Served nodes, ended whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.node_service.served import Served


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A node's process; not started yet."""
    made = Served(tmp_path / "n")
    yield made
    made.kill()
