from __future__ import annotations

import inspect

import pytest

from ledger import errors
from ledger.errors import (
    CheckpointConflictError,
    LedgerError,
    MalformedTileError,
    ResourceConflictError,
    ResourceMissingError,
    RootMismatchError,
    SequencerError,
    StateBehindError,
    StateInconsistentError,
    StorageError,
    StoreLockedError,
    VerificationError,
)

CLASSES = [each for _, each in inspect.getmembers(errors, inspect.isclass)]


@pytest.mark.parametrize("each", CLASSES)
def test_every_error_is_in_the_tree_and_in_its_drawing(each: type[Exception]) -> None:
    assert issubclass(each, LedgerError)
    assert each.__name__ in (errors.__doc__ or "")


def test_malformed_names_place_and_reason() -> None:
    error = MalformedTileError("tile", "too long")
    assert (error.place, error.reason, str(error)) == ("tile", "too long", "tile: too long")


@pytest.mark.parametrize(
    ("error", "base", "words"),
    [
        (CheckpointConflictError(b"old", None), SequencerError, "only one may run"),
        (StateBehindError(3, 5, "the chain"), SequencerError, "concord log recover"),
        (StateInconsistentError(3, 5, "witness.example"), SequencerError, "witness.example"),
        (ResourceMissingError("tile/0/000"), StorageError, "tile/0/000"),
        (ResourceConflictError("tile/0/000"), StorageError, "never changes"),
        (StoreLockedError("log.example"), StorageError, "log.example"),
        (RootMismatchError(3, b"\x0a", b"\x0b"), VerificationError, "at size 3 the hashes yield root 0b"),
    ],
)
def test_messages_name_the_remedy(error: LedgerError, base: type[LedgerError], words: str) -> None:
    assert isinstance(error, base)
    assert words in str(error)


def test_attributes_are_typed() -> None:
    conflict = CheckpointConflictError(b"old", b"new")
    assert (conflict.expected, conflict.actual) == (b"old", b"new")
    for error in (StateBehindError(3, 5, "w"), StateInconsistentError(3, 5, "w")):
        assert (error.own_size, error.known_size, error.witness) == (3, 5, "w")
    mismatch = RootMismatchError(3, b"e", b"a")
    assert (mismatch.size, mismatch.expected, mismatch.actual) == (3, b"e", b"a")
    assert ResourceMissingError("r").resource == ResourceConflictError("r").resource == "r"
    assert StoreLockedError("l").location == "l"
