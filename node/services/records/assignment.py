"""What an entry of a record is: its version, its type, what it supersedes."""

from __future__ import annotations

from node.domain.entry import EntryType, LeafReference, Version
from node.wire.prepare import Assignment


def assignment_for(version: Version, supersedes: LeafReference | None, *, withdraws: bool) -> Assignment:
    """Return an entry's assignment: a status that withdraws decides its type, then whether it supersedes."""
    entry_type = EntryType.RECORD if supersedes is None else EntryType.AMENDMENT
    return Assignment(version=version, entry_type=EntryType.WITHDRAWAL if withdraws else entry_type, supersedes=supersedes)
