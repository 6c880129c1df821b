"""Words for people, in Chinese and English: `node/texts/<language>.toml`, one table for each command that speaks."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from node.cli.options import Language

_FOLDER = Path(__file__).parent.parent / "texts"
_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


class Texts:
    """The texts of one language."""

    def __init__(self, tables: Mapping[str, Mapping[str, str]]) -> None:
        """Take parsed tables."""
        self._tables = tables

    def say(self, table: str, key: str, values: Mapping[str, str] | None = None) -> str:
        """Return a text with its placeholders filled.

        Raises:
            KeyError: There is no such text, or a value is missing.
        """
        return self._tables[table][key].format_map(values or {})

    def listed(self, members: Iterable[str]) -> str:
        """Return a list as the language writes one."""
        return self.say("list", "comma").join(members)

    def find(self, table: str, key: str) -> str | None:
        """Return a text without placeholders, or None where there is none."""
        return self._tables[table].get(key)

    def keys(self, table: str) -> set[str]:
        """Return the keys of a table."""
        return set(self._tables[table])


def load_texts(language: Language) -> Texts:
    """Load a language."""
    return Texts(tomllib.loads((_FOLDER / f"{language.value}.toml").read_text(encoding="utf-8")))


def language_of(environment: Mapping[str, str] = os.environ) -> Language:
    """Return the language that the environment asks for: Chinese where it does, else English."""
    chosen = next((environment[name] for name in _VARIABLES if environment.get(name)), "")
    return Language.ZH if chosen.lower().startswith("zh") else Language.EN
