"""What commands print: text and tables for people, one JSON document for programs; progress goes to stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from node.domain.moments import moment

if TYPE_CHECKING:
    from rich.console import Console

_PIPE_COLUMNS = 200
_GAP_COLUMNS = 3
"""What stands between two columns of a table."""


def show_json(document: Mapping[str, object]) -> None:
    """Print a document for programs."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))


def show(document: Mapping[str, object], *, as_json: bool, title: str = "") -> None:
    """Print a document: as JSON, or its scalar members as lines and its lists of objects as tables."""
    if as_json:
        show_json(document)
        return
    from rich.console import Console

    console = Console(highlight=False, width=_width())
    for name, value in document.items():
        rows = [row for row in value if isinstance(row, Mapping)] if isinstance(value, list | tuple) else []
        if rows:
            _print_rows(console, title or name, rows)
        elif isinstance(value, list | tuple):
            for item in value or ["-"]:
                console.print(f"{name.replace('_', ' ')}: {_cell(item)}", markup=False, soft_wrap=True)
        else:
            console.print(f"{name.replace('_', ' ')}: {_cell(value)}", markup=False, soft_wrap=True)


def printable(text: str) -> str:
    """Replace what would steer a terminal: files and nodes of others hold text that nobody here wrote."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


@contextmanager
def progress(what: str, total: int | None, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on stderr while the block runs; where stderr is no terminal, or `quiet`, show nothing.

    Yields:
        Call it with the amount done since the last call.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda amount: bar.advance(task, amount)


def _width() -> int | None:
    """Return the width to print with: a pipe has none, and what reads it wants whole words."""
    return None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPE_COLUMNS


def _print_rows(console: Console, title: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Print rows as a table, or one below the other where folded cells would make hashes and addresses unreadable."""
    from rich import box
    from rich.cells import cell_len
    from rich.table import Table

    columns = list(rows[0])
    cells = [[_cell(row[column]) for column in columns] for row in rows]
    heads = [column.replace("_", " ") for column in columns]
    widths = [max(map(cell_len, column)) for column in zip(heads, *cells, strict=True)]
    if sum(widths) + _GAP_COLUMNS * len(columns) > console.width:
        console.print(f"{title.replace('_', ' ')}:", markup=False)
        for row in cells:
            for number, (head, cell) in enumerate(zip(heads, row, strict=True)):
                console.print(f"  {' ' if number else '-'} {head}: {cell}", markup=False, soft_wrap=True)
        return
    table = Table(title=title.replace("_", " "), title_justify="left", box=box.SIMPLE_HEAD)
    for head in heads:
        table.add_column(head)
    for row in cells:
        table.add_row(*map(_escape, row))
    console.print(table)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_cell(each)}" for name, each in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_cell(each) for each in value)
    return printable(str(value))


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def show_ms(unix_ms: int) -> str:
    """Spell a time in unix ms as RFC 3339, UTC, to the second."""
    return moment(unix_ms).isoformat(timespec="seconds").replace("+00:00", "Z")
