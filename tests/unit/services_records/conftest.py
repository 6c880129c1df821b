"""A node for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.services_records.world import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A running node of two institutions; exam results of `versioned` have explicit versions."""
    made = make_world(tmp_path / "n").start()
    yield made
    made.stop()


@pytest.fixture
def versioned(tmp_path: Path) -> Iterator[World]:
    """A node where the reports' meta.versionId is their version."""
    made = make_world(tmp_path / "n", versioned_kinds=("exam-result",)).start()
    yield made
    made.stop()
