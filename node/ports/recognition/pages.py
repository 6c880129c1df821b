"""Pages for clinicians: HTML that is drawn beside the services (`node.printing`) and sent by the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from node.domain.slip import Slip
from node.domain.viewing import ViewedLine
from node.recognition.warning import Names


@dataclass(frozen=True, slots=True)
class Page:
    """A page: no script, nothing fetched."""

    html: str
    """The document."""
    policy: str
    """Its Content-Security-Policy: its own style, its own form, nothing else."""


class SlipPages(Protocol):
    """Slips for the medical record, in Chinese and English."""

    def draw(self, slip: Slip, names: Mapping[str, Names]) -> Page:
        """Draw a slip; `names` by language, `zh` and `en`."""


class ViewPages(Protocol):
    """The pages of one-time links, in Chinese and English."""

    def ask(self) -> Page:
        """Draw the page with the button that uses a link up; it tells nothing of anyone."""

    def refuse(self, why: str) -> Page:
        """Draw the page of a link that opens nothing: `unknown`, `used`, `expired`, or `off`."""

    def show(self, view: ViewedLine, names: Mapping[str, Names]) -> Page:
        """Draw what a link shows; `names` by language, `zh` and `en`."""
