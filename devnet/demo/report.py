"""What the demonstration prints: each step as it goes on, and the table at the end. Every line is computed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from devnet.demo.words import LANGUAGES, StepWords, chapter_title, step_words

_OTHER_COLUMNS: Final = 25
"""Columns of a screen that numbers, times and borders take."""
_CLOSING: Final = r"[,:;)\u3001\u3002\u300b\u201d\uff09\uff0c\uff1a\uff1b]*\s*"
_PIECE: Final = re.compile(rf"[^\s\u2e80-\uffef]+{_CLOSING}|[\u2e80-\uffef]{_CLOSING}|\s+")
"""A word, or a Chinese character, with what may not begin a line."""
_TABLE_WIDTH: Final = 132
"""Where nothing says how wide the screen is: two languages side by side."""


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_TABLE_WIDTH)


class DemoFailedError(Exception):
    """Something did not behave as it has to: the demonstration ends with exit code 1."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was shown."""

    titles: Mapping[str, str]
    """What, by language."""
    shown: Mapping[str, str]
    """What was found, by language."""
    seconds: float
    """How long it took."""
    chapter: str
    """The chapter that it belongs to."""


@dataclass(slots=True)
class Found:
    """What a step found."""

    values: dict[str, object] = field(default_factory=dict)
    """What its words are filled in with."""
    is_shown: bool = False
    """Whether anything was shown."""
    details: list[str] = field(default_factory=list)
    """More lines, for whoever watches."""

    def show(self, **values: object) -> None:
        """Give what was computed; a `Said` where the languages differ."""
        self.values.update(values)
        self.is_shown = True


@dataclass(slots=True)
class Report:
    """All that was shown."""

    console: Console = field(default_factory=_console)
    words: Mapping[str, StepWords] = field(default_factory=step_words)
    lines: list[Line] = field(default_factory=list)
    chapter: str = ""
    started_s: float = field(default_factory=time.monotonic)

    def begin(self, chapter: str) -> None:
        """Begin a chapter."""
        self.chapter = chapter
        title = chapter_title(chapter)
        self.console.print()
        self.console.rule(f"{title.zh} · {title.en}", align="left", style="dim")

    @contextmanager
    def step(self, name: str) -> Iterator[Found]:
        """Show one thing; the caller says what it found.

        Args:
            name: The step's section of `words.toml`.

        Raises:
            DemoFailedError: The caller found nothing.
        """
        words, found, begun_s = self.words[name], Found(), time.monotonic()
        number = f"[bold]{len(self.lines) + 1:>2}[/]"
        self.console.print(f"{number} {words.titles['zh']} · {words.titles['en']}", soft_wrap=True)
        yield found
        self.expect(found.is_shown, f"{words.titles['en']}: nothing was found")
        shown = {language: words.fill(language, found.values) for language in LANGUAGES}
        line = Line(words.titles, shown, time.monotonic() - begun_s, self.chapter)
        self.lines.append(line)
        for each in (*found.details, *dict.fromkeys(shown.values())):
            self.console.print(f"     {each}", markup=False, soft_wrap=True)
        self.console.print(f"     [dim]{line.seconds:.1f} s[/]")

    def expect(self, condition: object, otherwise: str) -> None:
        """Go on only if something is so.

        Raises:
            DemoFailedError: It is not.
        """
        if not condition:
            raise DemoFailedError(otherwise)

    def close(self) -> None:
        """Print the table of what was shown."""
        table = Table()
        width = (self.console.width - _OTHER_COLUMNS) // len(LANGUAGES)
        table.add_column("#", justify="right")
        table.add_column("中文", width=width)
        table.add_column("English", width=width)
        table.add_column("s", justify="right")
        chapter = self.lines[0].chapter
        for number, line in enumerate(self.lines, start=1):
            if line.chapter != chapter:
                table.add_section()
                chapter = line.chapter
            told = [_cell(line.titles[language], line.shown[language], width) for language in LANGUAGES]
            table.add_row(str(number), *told, f"{line.seconds:.1f}")
        self.console.print(table)
        steps, seconds = len(self.lines), time.monotonic() - self.started_s
        self.console.print(f"{steps} 步，{seconds:.1f} 秒 · {steps} steps in {seconds:.1f} s")


def _cell(title: str, shown: str, width: int) -> Text:
    return Text.assemble((wrap(title, width), "bold"), "\n", wrap(shown, width))


def wrap(text: str, width: int) -> str:
    """Break a text into lines: between words, and after any Chinese character unless punctuation follows.

    Args:
        text: One line.
        width: How many columns of a screen a line may take; a Chinese character takes two.
    """
    lines, line = [], ""
    for piece in _PIECE.findall(text):
        if line and cell_len(line + piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece
        while cell_len(line.rstrip()) > width:  # a word of its own that is too long
            head = next(line[:end] for end in range(len(line), 0, -1) if cell_len(line[:end]) <= width)
            lines.append(head)
            line = line[len(head) :]
    return "\n".join([*lines, line.rstrip()])
