from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.log_media import KINDS, Medium, make_medium


@pytest.fixture(params=KINDS)
def medium(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Medium]:
    made = make_medium(request.param, tmp_path)
    yield made
    made.close()


@pytest.fixture
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the waiting for the disk, for scenarios whose crashes are exceptions: what was written is in the page cache."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: None)
