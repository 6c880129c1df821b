"""The commands that README, CONTRIBUTING and the operator's pages promise to work, work."""

from __future__ import annotations

import dataclasses

import pytest

from tests.e2e.docs_commands.run import collect, run
from tools.docs import Command

STANDALONE = collect("nothing")


def test_the_documents_promise_something() -> None:
    assert {command.text for command in STANDALONE} >= {"make help", "concord --help", "concord-devnet --help"}


@pytest.mark.slow
@pytest.mark.parametrize("command", STANDALONE, ids=lambda command: f"{command.source}:{command.line}")
def test_the_command_works_as_shown(command: Command) -> None:
    run(command)


def test_a_failing_command_is_reported_with_its_place() -> None:
    with pytest.raises(AssertionError, match=r"a\.md:7: \$ false"):
        run(Command("a.md", 7, "false", "", "nothing"))


def test_output_is_compared_with_room_for_what_varies() -> None:
    shown = Command("a.md", 7, "printf 'size 17\\nroot abc\\n'", "size ...\nroot abc", "nothing")
    assert run(shown) == "size 17\nroot abc\n"
    with pytest.raises(AssertionError, match="size 18"):
        run(dataclasses.replace(shown, output="size 18\nroot abc"))
