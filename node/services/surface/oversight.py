"""What a node lets patients, auditors and regulators see of itself and of others, as the API sees it."""

from __future__ import annotations

from dataclasses import dataclass

from node.ports.clock import Clock
from node.services.oversight.figures import FiguresService
from node.services.oversight.findings import FindingService
from node.services.oversight.supervised_logs import SupervisedLogs
from node.services.oversight.trail import TrailService
from node.services.surface.patient_access import PatientAccess


@dataclass(frozen=True, slots=True)
class Supervision:
    """What a regulator sees."""

    findings: FindingService
    """What was found."""
    figures: FiguresService
    """What was counted."""
    logs: SupervisedLogs
    """The entries that both rest on."""
    clock: Clock
    """Tells the time."""


@dataclass(frozen=True, slots=True)
class Oversight:
    """The services."""

    patients: PatientAccess
    """What it does for patients."""
    trails: TrailService
    """Lives of its records."""
    supervision: Supervision | None
    """What a regulator sees; None where none with an audit key is hosted."""
