"""Codes that occurred and lead nowhere, counted: what an operator adds to a map. Codes only, nothing of who had them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from node.domain.entry import InstitutionId
from node.ports.records.transaction import RecordsTransaction


class Occurrence(StrEnum):
    """Where a code occurred."""

    FILED = "filed"
    """In a result that the institution filed; once for each record."""
    FOUND = "found"
    """In a result that one of its checks found; once for each check."""
    ORDERED = "ordered"
    """In an order that was checked; the code is an orderable."""


@dataclass(frozen=True, slots=True)
class OccurredCode:
    """A code, and where it occurred."""

    institution: InstitutionId
    """Whose worklist it stands in."""
    occurrence: Occurrence
    """Where."""
    mapped_by: InstitutionId
    """Whose map does not know it: the institution's own, or that of the issuer of a result that was found."""
    system: str
    """Code system URI; empty for orderables."""
    code: str
    """Code."""
    specimen: str = ""
    """Specimen code, or empty."""


@dataclass(frozen=True, slots=True)
class CountedCode:
    """How often a code occurred."""

    occurred: OccurredCode
    """The code."""
    times: int
    """How often."""
    first_seen_ms: int
    """When it occurred first, unix ms."""
    last_seen_ms: int
    """When it occurred last, unix ms."""


class UnmappedStore(Protocol):
    """Keeps counts."""

    def add(self, transaction: RecordsTransaction, counts: Mapping[OccurredCode, int], now_ms: int) -> None:
        """Add to what is counted."""

    def counted(self, institution: InstitutionId) -> Sequence[CountedCode]:
        """Return an institution's codes, the newest first."""

    def forget(self, transaction: RecordsTransaction, before_ms: int) -> None:
        """Remove codes that did not occur since a time."""
