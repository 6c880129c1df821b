from __future__ import annotations

import inspect
import json
import sqlite3

import pytest
import typer
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner

from ledger import errors as ledger_errors
from node import errors as node_errors
from node.cli.failures import CommandError, CommandLine, UnreachedError, UsageError, judge
from node.cli.main import app
from node.cli.options import Json


def program(error: Exception) -> typer.Typer:
    made = typer.Typer(cls=CommandLine, pretty_exceptions_enable=False)

    @made.callback()
    def root() -> None:
        """Keep `fail` a command of its own."""

    @made.command()
    def fail(*, as_json: Json = False) -> None:
        del as_json
        raise error

    return made


CASES = [
    (node_errors.OpeningRefutedError(3, "bytes differ"), 1),
    (node_errors.UnknownRecordError("abc"), 1),
    (node_errors.DirectoryInUseError("/srv/node"), 1),
    (node_errors.TransactionRevertedError("AlreadyVoted"), 1),
    (node_errors.MalformedEvidenceError("evidence: no"), 2),
    (node_errors.SettingsError("server.port: too large"), 2),
    (node_errors.ChainAwayError("http://chain", "no connection"), 3),
    (node_errors.WrongChainError("chain id", "1", "2"), 3),
    (ledger_errors.RootMismatchError(1, b"a", b"b"), 1),
    (ledger_errors.ResourceMissingError("tile/0/000"), 1),
    (ledger_errors.MalformedKeyError("verifier key", "no"), 2),
    (FileNotFoundError(2, "No such file or directory", "somewhere"), 2),
    (PermissionError(13, "Permission denied", "somewhere"), 2),
    (ConnectionRefusedError(111, "Connection refused"), 3),
    (TimeoutError("timed out"), 3),
    (UsageError("give both"), 2),
    (UnreachedError("gone"), 3),
    (CommandError("refused"), 1),
]


@pytest.mark.parametrize(
    ("error", "code"), CASES, ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value)
)
def test_every_error_is_a_line_and_an_exit_code(error: Exception, code: int) -> None:
    plain = CliRunner().invoke(program(error), ["fail"])
    assert (plain.exit_code, plain.stdout) == (code, "")
    assert plain.stderr.startswith("error: ")
    assert plain.stderr.count("\n") == 1
    as_json = CliRunner().invoke(program(error), ["fail", "--json"])
    assert as_json.exit_code == code
    assert json.loads(as_json.stdout)["error"] == type(error).__name__


def test_every_error_of_both_trees_has_an_exit_code() -> None:
    for module in (ledger_errors, node_errors):
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if issubclass(kind, Exception):
                judged = judge(kind.__new__(kind))
                assert judged is not None, kind
                assert judged[0] in (1, 2, 3)


def test_a_fault_of_the_program_tells_its_place_and_no_content() -> None:
    fault = ValueError("张三, ID 110101199003070000")
    result = CliRunner().invoke(program(fault), ["fail", "--json"])
    assert (result.exit_code, json.loads(result.stdout)["error"]) == (1, "ValueError")
    assert "test_failures.py:" in result.stderr
    assert "张三" not in result.output
    asked = CliRunner().invoke(program(fault), ["fail"], env={"CONCORD_DEBUG": "1"})
    assert asked.exception is fault


def test_a_database_that_fails_shows_no_values() -> None:
    failed = OperationalError("INSERT INTO patients VALUES (?)", ("张三",), sqlite3.OperationalError("disk I/O error"))
    result = CliRunner().invoke(program(failed), ["fail"])
    assert (result.exit_code, "disk I/O error" in result.stderr) == (1, True)
    assert "张三" not in result.output


def test_what_others_wrote_cannot_steer_the_terminal() -> None:
    result = CliRunner().invoke(program(CommandError("a\x1b[2Jb\r\nerror: c")), ["fail"])
    assert "\x1b" not in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "words", [["nonsense"], ["verify"], ["log", "nonsense"], ["verify", "a", "--trust-root"], ["log", "fsck", "--no"]]
)
def test_wrong_usage_exits_with_two(words: list[str]) -> None:
    assert CliRunner().invoke(app, words).exit_code == 2


def test_version_and_completion() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout.startswith("concord ")
    words = CliRunner().invoke(
        app, [], env={"_CONCORD_COMPLETE": "complete_bash", "COMP_WORDS": "concord ver", "COMP_CWORD": "1"}, prog_name="concord"
    )
    assert "verify" in words.stdout
