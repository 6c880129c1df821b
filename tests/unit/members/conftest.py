"""Two nodes that know each other: new ones for a test that counts or changes members, shared ones for patients of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.unit.members.neighbourhood import Neighbourhood, honest, make_neighbourhood
from tests.unit.members.notices import patient_alone
from tests.unit.members.patients import Patient, leave_nothing_open

# the loops of the outbox are stepped by the tests: one that looks on its own would race with them
QUIET: dict[str, object] = {"outbox_interval_s": 3600.0}


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Mark the tests of this folder: two whole nodes live in each."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def neighbours(tmp_path: Path) -> Iterator[Neighbourhood]:
    made = make_neighbourhood(tmp_path, QUIET).start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbourhood]:
    made = make_neighbourhood(tmp_path_factory.mktemp("town"), QUIET).start()
    yield made
    made.stop()


@pytest.fixture
def patient(town: Neighbourhood) -> Iterator[Patient]:
    yield Patient(town)
    town.network.meddle = honest
    town.ledger.away = False
    leave_nothing_open(town)


@pytest.fixture
def alone(neighbours: Neighbourhood) -> Patient:
    """Return a patient of new nodes, whose messages the tests deliver."""
    return patient_alone(neighbours)
