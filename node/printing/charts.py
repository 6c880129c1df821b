"""Bar charts as inline SVG, for reports that are opened from a file: no script, no style sheet, nothing fetched.

A chart has one bar for each label, from the same zero, with its value written beside it: what is drawn can be read as
numbers, also by a screen reader. Negative values are not drawn: nothing that is counted here can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

_WIDTH: Final = 800
_LABEL: Final = 290
_VALUE: Final = 110
_ROW: Final = 24
_BAR: Final = 16
_TOP: Final = 8


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar."""

    label: str
    """What it stands for."""
    value: float
    """Its length, from 0."""
    shown: str
    """Its value in words, such as `31 / 48 (64.6 %)`."""
    part: float | None = None
    """How much of it is filled; None for all."""


def draw_bars(title: str, bars: Sequence[Bar], longest: float | None = None) -> str:
    """Draw a chart.

    Args:
        title: What it shows.
        bars: Its bars, from the top.
        longest: The value of a bar of full length; None for the largest value.
    """
    full = longest or max((bar.value for bar in bars), default=0) or 1
    height = 2 * _TOP + _ROW * len(bars)
    rows = "".join(_row(bar, _TOP + _ROW * at, full) for at, bar in enumerate(bars))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'font-family="sans-serif" font-size="12"><title>{escape(title)}</title>{rows}</svg>'
    )


def _row(bar: Bar, top: int, full: float) -> str:
    room, middle = _WIDTH - _LABEL - _VALUE, top + _ROW // 2 + 4
    width = room * min(max(bar.value, 0.0) / full, 1.0)
    filled = width if bar.part is None else width * min(max(bar.part / bar.value if bar.value else 0.0, 0.0), 1.0)
    at = top + (_ROW - _BAR) // 2
    return (
        f'<text x="{_LABEL - 8}" y="{middle}" text-anchor="end">{escape(bar.label)}</text>'
        f'<rect x="{_LABEL}" y="{at}" width="{width:.1f}" height="{_BAR}" fill="#c9d7e8"/>'
        f'<rect x="{_LABEL}" y="{at}" width="{filled:.1f}" height="{_BAR}" fill="#2f5d8c"/>'
        f'<text x="{_LABEL + width + 6:.1f}" y="{middle}">{escape(bar.shown)}</text>'
    )
