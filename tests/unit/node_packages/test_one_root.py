from __future__ import annotations

from pathlib import Path

import pytest

from node.bootstrap.packages import check_one_root
from node.errors import SettingsError


def test_this_distribution_is_of_one_piece() -> None:
    check_one_root()


def test_a_package_from_elsewhere_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = tmp_path / "stranger_package"
    stranger.mkdir()
    (stranger / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SettingsError, match="stranger_package from"):
        check_one_root(("node", "stranger_package"))


def test_a_missing_package_is_named() -> None:
    with pytest.raises(SettingsError, match="no_such_package is missing"):
        check_one_root(("node", "no_such_package"))
