"""The words of the demonstration, in Chinese and English, from `words.toml`: a title for each step, and what was shown."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

LANGUAGES: Final = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Said:
    """The same in both languages."""

    zh: str
    """In Chinese."""
    en: str
    """In English."""


@dataclass(frozen=True, slots=True)
class StepWords:
    """What is said of a step, by language."""

    titles: Mapping[str, str]
    """What is done."""
    shown: Mapping[str, str]
    """What was shown, with places for what was computed."""

    def fill(self, language: str, values: Mapping[str, object]) -> str:
        """Return what was shown.

        Raises:
            KeyError: A value is missing.
        """
        spoken = {name: getattr(value, language) if isinstance(value, Said) else value for name, value in values.items()}
        return self.shown[language].format_map(spoken)

    def places(self, language: str) -> set[str]:
        """Return the names of the values that have to be filled in."""
        return {name for _, name, _, _ in string.Formatter().parse(self.shown[language]) if name is not None}


@cache
def step_words() -> Mapping[str, StepWords]:
    """Return the words of all steps, by the step's name."""
    return {
        step: StepWords(
            {language: section[language] for language in LANGUAGES},
            {language: section[f"{language}_shown"] for language in LANGUAGES},
        )
        for step, section in _sections()["step"].items()
    }


def chapter_title(name: str) -> Said:
    """Return what a chapter is called."""
    return Said(**_sections()["chapter"][name])


def phrase(name: str) -> Said:
    """Return a phrase that several steps use."""
    return Said(**_sections()["phrase"][name])


def word(code: str) -> Said:
    """Return a word of the API in both languages; itself where no Chinese word is given."""
    words: Mapping[str, str] = _sections()["word"]
    return Said(words.get(code, code), code)


@cache
def _sections() -> Mapping[str, Any]:
    return tomllib.loads((resources.files("devnet.demo") / "words.toml").read_text(encoding="utf-8"))
