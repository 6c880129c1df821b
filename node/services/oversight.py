"""What a node lets patients, auditors and regulators see of itself and of others, as the API sees it."""

from __future__ import annotations

from dataclasses import dataclass

from node.services.findings import FindingService
from node.services.patient_access import PatientAccess
from node.services.trail import TrailService


@dataclass(frozen=True, slots=True)
class Oversight:
    """The services."""

    patients: PatientAccess
    """What it does for patients."""
    trails: TrailService
    """Lives of its records."""
    findings: FindingService | None
    """What supervision found; None where no regulator with an audit key is hosted."""
