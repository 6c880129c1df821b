"""Notices that something which others may rely on was amended, withdrawn or recalled (docs/spec/notices.md)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from node.domain.entry import InstitutionId, LeafReference, RecordId

NoticeId = NewType("NoticeId", str)
"""Names a notice at an institution that was told, 32 lower-case hex digits."""


class NoticeChange(StrEnum):
    """What became of what others may rely on."""

    AMENDED = "amended"
    """A newer version replaces it."""
    WITHDRAWN = "withdrawn"
    """Its institution took it back."""
    RECALLED = "recalled"
    """Its institution recalls results of a device, a lot or an item."""
    LIFTED = "lifted"
    """Its institution lifted a recall: it counts again, if nothing else stands against it."""


@dataclass(frozen=True, slots=True)
class Revision:
    """An entry that was staged, and what it is about."""

    institution: InstitutionId
    """Whose entries."""
    record_id: RecordId | None
    """The record; None for a recall, which may concern many."""
    change: NoticeChange
    """What became of the earlier ones."""
    entry: LeafReference
    """The entry that says so: a newer version, a recall, or a lifting."""
    earlier: tuple[LeafReference, ...]
    """The entries that it amends, withdraws or recalls, or that a recall concerned which it lifts."""
    lifts: LeafReference | None = None
    """The recall that a lifting ends; None for every other change."""
