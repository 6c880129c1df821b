"""Every command and option explains itself, and every command is in the documents."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import typer
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from devnet.cli import app as devnet_app
from node.cli.main import app as concord_app
from tests.architecture.sources import ROOT
from tools.docs import commands, documents

PROGRAMS = {"concord": concord_app, "concord-devnet": devnet_app}


def walk(program: str, command: object) -> Iterator[tuple[str, TyperCommand]]:
    """Yield every command of a program with the words that call it."""
    if isinstance(command, TyperGroup):
        context = typer.Context(command)
        for name in command.list_commands(context):
            yield from walk(f"{program} {name}", command.get_command(context, name))
    else:
        assert isinstance(command, TyperCommand)
        yield program, command


ALL = dict(pair for program, app in PROGRAMS.items() for pair in walk(program, get_command(app)))


def shown() -> str:
    """Join what the documents show as code or as commands."""
    texts = [path.read_text() for path in documents(ROOT)]
    inline = [code for text in texts for code in re.findall(r"`([^`\n]+)`", text)]
    blocks = [command.text for text in texts for command in commands(text, "")]
    return "\n".join([*inline, *blocks])


SHOWN = shown()


def test_the_command_line_offers_what_was_promised() -> None:
    promised = {"init", "serve", "ingest", "records list", "records show", "records erase", "evidence", "verify"}
    promised |= {"log checkpoint", "log inclusion", "log consistency", "log fsck", "log recover"}
    promised |= {"consortium list", "consortium propose", "consortium vote"}
    promised |= {"trust export", "trust show", "trust update", "status", "openapi"}
    offered = {name.removeprefix("concord ") for name in ALL if name.startswith("concord ")}
    assert {word for word in promised if not any(f"{name} ".startswith(f"{word} ") for name in offered)} == set()
    assert {"concord-devnet up", "concord-devnet down", "concord-devnet status"} <= set(ALL)


@pytest.mark.parametrize("command", ALL)
def test_every_command_is_in_the_documents(command: str) -> None:
    assert re.search(rf"(^|\s|/){re.escape(command)}(\s|$)", SHOWN, re.MULTILINE)


@pytest.mark.parametrize("command", ALL)
def test_every_command_and_option_explains_itself(command: str) -> None:
    assert (ALL[command].help or "").strip()
    silent = [
        parameter.name
        for parameter in ALL[command].params
        if isinstance(parameter, TyperOption) and not (parameter.help or "").strip()
    ]
    assert silent == []


def test_documents_show_no_command_that_does_not_exist() -> None:
    first_words = {tuple(name.split()[:2]) for name in ALL}
    called = {tuple(match) for match in re.findall(r"(?:^|\s|/)(concord(?:-devnet)?) ([a-z][a-z-]*)\b", SHOWN)}
    assert called - first_words == set()


def test_documents_show_no_option_that_does_not_exist() -> None:
    wrong = []
    for line in SHOWN.split("\n"):
        words = line.split("#")[0].split()
        name = next((" ".join(words[:count]) for count in (3, 2) if " ".join(words[:count]) in ALL), None)
        if name is None:
            continue
        known = {option for parameter in ALL[name].params for option in parameter.opts} | {"--help"}
        wrong += [f"{name}: {word}" for word in words if word.startswith("--") and word.split("=")[0] not in known]
    assert wrong == []
