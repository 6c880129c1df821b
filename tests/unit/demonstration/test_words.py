"""Each step of the demonstration says the same in both languages, and no words are left that no step says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import devnet.demo
from devnet.demo.report import DemoFailedError, Report
from devnet.demo.words import LANGUAGES, Said, StepWords, step_words

STEPS = step_words()
SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in sorted(Path(devnet.demo.__file__).parent.glob("*.py")))


@pytest.mark.parametrize("step", sorted(STEPS))
def test_both_languages_say_the_same_values(step: str) -> None:
    assert STEPS[step].places("zh") == STEPS[step].places("en")


def test_every_step_is_told_and_every_step_has_words() -> None:
    told = set(re.findall(r"(?:report\.step|self\._find|self\._refused)\(\s*\"([a-z_]+)\"", SOURCE))
    assert told == set(STEPS)


def test_a_step_that_shows_nothing_ends_the_demonstration() -> None:
    report = Report()
    with pytest.raises(DemoFailedError, match="nothing was found"), report.step("consortium"):
        pass


def test_a_value_in_two_languages_is_said_in_each() -> None:
    words = StepWords(dict.fromkeys(LANGUAGES, "title"), dict.fromkeys(LANGUAGES, "{what} {ms}"))
    assert [words.fill(language, {"what": Said("肝功能", "liver"), "ms": 4}) for language in LANGUAGES] == ["肝功能 4", "liver 4"]
