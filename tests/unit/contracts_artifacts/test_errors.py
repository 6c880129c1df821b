"""The tree of reverts: one class a name, drawn in the module's docstring, with a message that says what to do."""

from __future__ import annotations

import pytest

import contracts.errors
from contracts.errors import (
    REVERTS,
    AnchorRefusedError,
    ContractError,
    ForkError,
    RevertError,
    UnnamedRevertError,
    revert_error,
)


@pytest.mark.parametrize("reason", sorted(REVERTS))
def test_a_reason_becomes_its_class_and_keeps_its_name(reason: str) -> None:
    error = revert_error(reason)
    assert type(error).__name__ == f"{reason}Error"
    assert error.reason == reason
    assert str(error).startswith(f"{reason}: ")
    assert type(error).meaning != RevertError.meaning
    assert isinstance(error, ContractError)


def test_a_fork_is_a_refused_anchor() -> None:
    assert isinstance(revert_error("Fork"), ForkError)
    assert issubclass(ForkError, AnchorRefusedError)


@pytest.mark.parametrize("reason", ["", "fork", "Panic", "AnchorRefused", "UnnamedRevert"])
def test_other_reasons_stay_unnamed_and_readable(reason: str) -> None:
    error = revert_error(reason)
    assert type(error) is UnnamedRevertError
    assert error.reason == (reason or "no reason")


def test_the_docstring_draws_the_branches() -> None:
    drawing = contracts.errors.__doc__ or ""
    assert all(branch.__name__ in drawing for branch in RevertError.__subclasses__())
