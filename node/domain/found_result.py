"""A result as a node's index holds it: what a check at order time is answered from."""

from __future__ import annotations

from dataclasses import dataclass

from node.domain.entry import EntryType, InstitutionId, LeafReference, Level
from node.domain.header import HeaderContent
from node.domain.recognition import Reachability


@dataclass(frozen=True, slots=True)
class FoundResult:
    """A record of the patient that this node's index holds, with its header opened."""

    content: HeaderContent
    """What its header says."""
    entry_type: EntryType
    """1, 2 or 3: record, amendment, withdrawal."""
    institution: InstitutionId
    """Whose it is."""
    leaf: LeafReference
    """The entry."""
    level: Level
    """How far it got."""
    reachability: Reachability
    """Whether its holder can be reached."""
    frozen: bool
    """Whether its log is frozen here."""
    recalled: bool = False
    """Whether a recall of its log stands against it."""
