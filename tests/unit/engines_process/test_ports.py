from __future__ import annotations

from pathlib import Path

import pytest

from devnet.engines import ports


def test_ports_are_different_and_not_given_to_outgoing_connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "range").write_text("20000\t60999\n")
    monkeypatch.setattr(ports, "_RANGE", tmp_path / "range")
    order = list(ports._candidates())
    assert sorted(order) == list(range(10_000, 20_000))


@pytest.mark.parametrize(("content", "end"), [(None, 32_768), ("rubbish", 32_768), ("1024 65535", 65_536)])
def test_a_range_that_says_nothing_leaves_the_usual_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, end: int
) -> None:
    if content is not None:
        (tmp_path / "range").write_text(content)
    monkeypatch.setattr(ports, "_RANGE", tmp_path / "range")
    assert max(ports._candidates()) == end - 1
