"""A devnet has its own settings, whatever consortium the shell's variables are for."""

from __future__ import annotations

import os

import pytest

from devnet.cli import forget_variables


def test_variables_of_another_consortium_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("CONCORD_TRUST_ROOT", "/another/trust-root.note"), ("CONCORD_DEBUG", "1"), ("OTHER", "x")):
        monkeypatch.setenv(name, value)
    forget_variables()
    assert "CONCORD_TRUST_ROOT" not in os.environ
    assert (os.environ["CONCORD_DEBUG"], os.environ["OTHER"]) == ("1", "x")
