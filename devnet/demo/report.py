"""What the demonstration prints: a line for each thing that was shown, and the table at the end. Every line is computed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table


class DemoFailedError(Exception):
    """Something did not behave as it has to: the demonstration ends with exit code 1."""


@dataclass(slots=True)
class Line:
    """One thing that was shown."""

    what: str
    """What."""
    summary: str
    """What was found, computed, in one line."""
    seconds: float
    """How long it took."""


class Found(list[str]):
    """What a step found, line by line."""

    summary: str = ""
    """The line for the table; the first one where none is set."""


@dataclass(slots=True)
class Report:
    """All that was shown."""

    console: Console = field(default_factory=lambda: Console(highlight=False))
    lines: list[Line] = field(default_factory=list)
    started_s: float = field(default_factory=time.monotonic)

    @contextmanager
    def step(self, what: str) -> Iterator[Found]:
        """Show one thing; the caller appends what it found.

        Raises:
            DemoFailedError: The caller found nothing.
        """
        found = Found()
        begun_s = time.monotonic()
        yield found
        if not found:
            raise DemoFailedError(f"{what}: nothing was found")
        line = Line(what, found.summary or found[0], time.monotonic() - begun_s)
        self.lines.append(line)
        self.console.print(f"[bold]{len(self.lines):>2}[/] {line.what}  [dim]{line.seconds:.1f} s[/]", soft_wrap=True)
        for each in found:
            self.console.print(f"   {each}", markup=False, soft_wrap=True)

    def expect(self, condition: object, otherwise: str) -> None:
        """Go on only if something is so.

        Raises:
            DemoFailedError: It is not.
        """
        if not condition:
            raise DemoFailedError(otherwise)

    def close(self) -> None:
        """Print the table of what was shown."""
        table = Table(title="What was shown", title_justify="left", show_lines=False)
        table.add_column("#", justify="right")
        table.add_column("step", overflow="fold")
        table.add_column("found", overflow="fold")
        table.add_column("s", justify="right")
        for number, line in enumerate(self.lines, start=1):
            table.add_row(str(number), line.what, line.summary, f"{line.seconds:.1f}")
        self.console.print(table)
        self.console.print(f"{len(self.lines)} steps in {time.monotonic() - self.started_s:.1f} s")
