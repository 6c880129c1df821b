"""A report as one HTML file: headings, charts and tables. No script, nothing fetched, all text escaped; it prints on paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Final

Cell = str | int | float | Decimal | None
"""What a table shows; None where there is nothing."""

_STYLE: Final = (
    "body{font-family:sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem;color:#1c2733}"
    "table{border-collapse:collapse;margin:1rem 0;font-size:.85rem}"
    "th,td{border:1px solid #c6d0da;padding:.25rem .5rem;text-align:left;vertical-align:top}"
    "td:first-child{min-width:9rem}"
    "th{background:#eef2f6}td.n{text-align:right;font-variant-numeric:tabular-nums}"
    # a table of a region's form is wider than a screen: it is moved under its own frame, and printed smaller
    ".wide{overflow-x:auto}@media print{body{margin:0;max-width:none}table{font-size:6.5pt}th,td{padding:.1rem .2rem}}"
    "@page{size:A4 landscape;margin:10mm}"
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table."""

    name: str
    """A short name: of a sheet, of a file."""
    title: str
    """What it shows."""
    headings: tuple[str, ...]
    """Its columns."""
    rows: Sequence[Sequence[Cell]]
    """Its rows, as long as the headings."""


@dataclass(frozen=True, slots=True)
class Section:
    """A table and the charts above it."""

    table: Table
    """The table."""
    charts: Sequence[tuple[str, str]] = ()
    """Title and SVG (`node.printing.charts`) of each."""


def render_page(title: str, notes: Sequence[str], sections: Sequence[Section]) -> str:
    """Render a report.

    Args:
        title: Its title.
        notes: Paragraphs below it.
        sections: What it shows, from the top.
    """
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    body = "".join(f"<p>{escape(note)}</p>" for note in notes) + "".join(map(_section, sections))
    return f'<!doctype html><html lang="zh"><head>{head}</head><body><h1>{escape(title)}</h1>{body}</body></html>\n'


def _section(section: Section) -> str:
    charts = "".join(f"<figure><figcaption>{escape(title)}</figcaption>{svg}</figure>" for title, svg in section.charts)
    table = section.table
    headings = "".join(f"<th>{escape(heading)}</th>" for heading in table.headings)
    rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows)
    shown = f"<table><thead><tr>{headings}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<h2>{escape(table.title)}</h2>{charts}<div class="wide">{shown}</div>'


def _cell(value: Cell) -> str:
    if isinstance(value, int | float | Decimal):
        return f'<td class="n">{value}</td>'
    return f"<td>{escape(value or '')}</td>"
