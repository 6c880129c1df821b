from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.log_media import KINDS, Medium, make_medium


@pytest.fixture(params=KINDS)
def medium(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Medium]:
    made = make_medium(request.param, tmp_path)
    yield made
    made.close()


@pytest.fixture(params=KINDS)
def media(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Generator[Medium]]:
    """Yield as many empty media of a kind as are taken, each closed when the next one is."""

    def make() -> Generator[Medium]:
        for number in itertools.count():
            directory = tmp_path / str(number)
            directory.mkdir()
            with contextlib.closing(make_medium(request.param, directory)) as made:
                yield made

    made = make()
    yield made
    made.close()


@pytest.fixture
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the waiting for the disk, for scenarios whose crashes are exceptions: what was written is in the page cache."""
    monkeypatch.setattr(os, "fsync", os.fstat)
    monkeypatch.setattr(os, "fdatasync", os.fstat)
