"""How a command fails: one table from error classes to exit codes and remedies; a line on stderr, never a traceback.

Exit codes: 0 done, 1 refuted, refused or failed, 2 unreadable input or wrong usage, 3 node or chain not reached. With
`--json` the failure is a document on stdout too, so that programs always get exactly one.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from node.cli.output import printable, show_json

DONE: Final = 0
REFUSED: Final = 1
UNREADABLE: Final = 2
UNREACHED: Final = 3

DEBUG: Final = "CONCORD_DEBUG"
"""Variable that lets a fault of this program show its traceback."""

_JSON: Final = "--json"


class CommandError(Exception):
    """A failure that a command found itself.

    Attributes:
        exit_code: What the process ends with.
        details: Further members of the JSON document.
    """

    exit_code: int = REFUSED

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.details: Mapping[str, object] = details


class UsageError(CommandError):
    """Options that do not fit together, or a value that is none."""

    exit_code = UNREADABLE


class UnreadableFileError(CommandError):
    """A file that cannot be read or is not what it has to be."""

    exit_code = UNREADABLE


class UnreachedError(CommandError):
    """A node that does not answer."""

    exit_code = UNREACHED


class RefusedError(CommandError):
    """What the node, the chain or the files at hand refuse."""


def rows() -> Sequence[tuple[type[BaseException], int, str]]:
    """Return the table: error class, exit code, remedy where the message holds none. The first class that fits wins."""
    # imported when something failed: most commands need neither tree to start
    from ledger import errors as ledger
    from node import errors as node

    return (
        (ConnectionError, UNREACHED, "check the address, and that it is running"),
        (TimeoutError, UNREACHED, "check the address, and that it is running"),
        (node.ChainAwayError, UNREACHED, "check the address, and that the chain is running"),
        (node.WrongChainError, UNREACHED, ""),
        (node.ContractMismatchError, UNREACHED, ""),
        (node.WireError, UNREADABLE, ""),
        (node.MalformedParameterError, UNREADABLE, ""),
        (node.SettingsError, UNREADABLE, ""),
        (node.ConcordError, REFUSED, ""),
        (ledger.MalformedError, UNREADABLE, "check that it is the file or option that was meant"),
        (ledger.OutOfRangeError, UNREADABLE, "ask `concord log checkpoint` for the log's size"),
        (ledger.UnsupportedAlgorithmError, UNREADABLE, ""),
        (ledger.LedgerError, REFUSED, ""),
        (OSError, UNREADABLE, ""),
    )


def judge(error: Exception) -> tuple[int, str] | None:
    """Return exit code and message of an error; None for one that is a fault of this program."""
    if isinstance(error, CommandError):
        return error.exit_code, str(error)
    for kind, code, remedy in rows():
        if isinstance(error, kind):
            message = _describe(error)
            return code, f"{message}; {remedy}" if remedy else message
    database = sys.modules.get("sqlalchemy.exc")
    if database is not None and isinstance(error, database.OperationalError):
        # SQL and its values stay out of the message; of a driver's error only its own words are told
        return REFUSED, f"a database of the node cannot be used: {error.orig}; see that the disk is there, writable and not full"
    return None


def _describe(error: BaseException) -> str:
    # of an OSError, file name and reason; its own text shows the errno, which helps nobody
    if isinstance(error, OSError) and error.filename is not None and error.strerror is not None:
        return f"{error.filename}: {error.strerror.lower()}"
    return " ".join(str(error).split()) or type(error).__name__


class CommandLine(TyperGroup):
    """The whole program as one group: whatever a command raises ends here, in a line and an exit code."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # typer's own context
        """Note whether a program reads the output, before any command runs."""
        ctx.meta[_JSON] = _JSON in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]  # as above
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (BrokenPipeError, typer.Exit, typer.Abort, TyperException):
            # whoever read the output has enough; the command said its exit code; or typer itself explains the usage
            raise
        except Exception as error:
            if DEBUG in os.environ and judge(error) is None:
                raise
            code, message = judge(error) or (REFUSED, _fault(error))
            if ctx.meta[_JSON]:
                _print_json(error, message)
            typer.echo(f"error: {printable(message)}", err=True)
            raise typer.Exit(code) from error


def _fault(error: Exception) -> str:
    """Name the place of a fault, and nothing of its message: that may hold what was being worked on."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"a fault of this program: {type(error).__name__}{place}; {DEBUG}=1 shows all of it, which may hold records"


def _print_json(error: Exception, message: str) -> None:
    details = error.details if isinstance(error, CommandError) else {}
    show_json({"error": type(error).__name__, "detail": message, **details})
