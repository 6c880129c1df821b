"""Recalls: results of a device, a lot or an item, performed within a period, are not to be relied on (docs/spec/recall.md)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

RecallId = NewType("RecallId", str)
"""Names a recall, 32 lower-case hex digits."""


class RecallReason(StrEnum):
    """Why."""

    REAGENT = "reagent"
    """A reagent or its lot is faulty."""
    CALIBRATION = "calibration"
    """The device was calibrated wrongly."""
    CONTROL = "quality-control"
    """Internal control or external assessment failed."""
    DEVICE = "device"
    """The device is faulty."""
    SOFTWARE = "software"
    """Software computed or transferred results wrongly."""
    SPECIMEN = "specimen"
    """Specimens were taken, kept or mixed up wrongly."""
    METHOD = "method"
    """The method is not valid for what it was used for."""
    OTHER = "other"
    """Something else; ask the institution."""


class LiftingReason(StrEnum):
    """Why a recall is lifted."""

    CLEARED = "cleared"
    """It was looked into, and the results are right."""
    MISTAKEN = "mistaken"
    """It was announced by mistake, or for the wrong lot, device, item or period."""
    REPLACED = "replaced"
    """Another recall takes its place."""
    OTHER = "other"
    """Something else; ask the institution."""


@dataclass(frozen=True, slots=True)
class RecallCriteria:
    """Which results are recalled: those that fit all that is given."""

    item: str
    """Item of the catalogue, or the institution's own code; empty for any."""
    device: str
    """Name of a device, as the records have it; empty for any."""
    lot: str
    """Reagent lot, as the records have it; empty for any."""
    from_ms: int
    """Performed at this time or later, unix ms."""
    to_ms: int
    """Performed before this time, unix ms."""


@dataclass(frozen=True, slots=True)
class RecallAnnouncement:
    """What a recall begins with: from here on, every result of the log that fits is recalled, whenever it was filed."""

    recall_id: RecallId
    """Names the recall."""
    criteria: RecallCriteria
    """Which results."""
    reason: RecallReason
    """Why."""


@dataclass(frozen=True, slots=True)
class RecallListing:
    """Results that a recall covers, by name; it takes several where they are many, and where some are filed later."""

    recall_id: RecallId
    """Names the recall."""
    leaf_hashes: tuple[bytes, ...]
    """Results of the same log, 32 bytes each."""


@dataclass(frozen=True, slots=True)
class RecallLifting:
    """The end of a recall: what it covers counts again, if nothing else stands against it."""

    recall_id: RecallId
    """Names the recall."""
    reason: LiftingReason
    """Why."""


RecallStatement = RecallAnnouncement | RecallListing | RecallLifting
"""What a public entry says of a recall of its own log."""
