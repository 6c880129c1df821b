"""Institutions that a node hosts: a district's node hosts its clinics, each with its own log, keys and scopes."""

from __future__ import annotations

from dataclasses import dataclass

from node.domain.entry import InstitutionId, Origin


@dataclass(frozen=True, slots=True)
class HostedInstitution:
    """One institution of this node."""

    institution: InstitutionId
    """Its id in the consortium."""
    name: str
    """For people."""
    origin: Origin
    """Its log."""
