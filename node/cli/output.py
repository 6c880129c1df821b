"""What commands print: tables for people, one JSON document for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table


def show(document: Mapping[str, object], *, as_json: bool, title: str = "") -> None:
    """Print a document: as JSON, or its scalar members as lines and its lists of objects as tables."""
    if as_json:
        print(json.dumps(document, ensure_ascii=False, indent=2))  # noqa: T201 - what programs read
        return
    console = Console(highlight=False)
    for name, value in document.items():
        if isinstance(value, Sequence) and not isinstance(value, str):
            console.print(_table(title or name, [row for row in value if isinstance(row, Mapping)]))
        else:
            console.print(f"{name}: {value}", markup=False)


def _table(title: str, rows: Sequence[Mapping[str, object]]) -> Table:
    table = Table(title=title, title_justify="left")
    columns = list(rows[0]) if rows else []
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*("" if row[column] is None else str(row[column]) for column in columns))
    return table
