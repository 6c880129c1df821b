"""What a node does for patients, in one place, as the API sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from node.domain.entry import InstitutionId, Origin
from node.ports.keys.identities import InstitutionIdentity
from node.ports.members.membership import KeyDirectory
from node.services.members.rate_limit import RateLimit
from node.services.patient_view.entries import PatientEntries
from node.services.patient_view.records import PatientRecords

_EXCHANGE = "exchange"


@dataclass(frozen=True, slots=True)
class PatientAccess:
    """The services."""

    entries: PatientEntries
    """Entries by their tags."""
    records: PatientRecords | None
    """Their records in full; None without a trust root, which says under which address they sign."""
    limit: RateLimit
    """How often somebody may ask."""
    origins: Mapping[InstitutionId, Origin]
    """Logs of this node."""
    identities: Mapping[InstitutionId, InstitutionIdentity]
    """Their keys."""
    directory: KeyDirectory | None
    """The registry; None without one."""

    def exchange_keys(self, institution: InstitutionId) -> list[bytes]:
        """Return the exchange keys under which an institution numbered entries of class 1: the present one, then former ones.

        A patient who does not take this node's word asks the registry.
        """
        former = () if self.directory is None else self.directory.former_keys(institution, _EXCHANGE)
        return list(dict.fromkeys([self.identities[institution].exchange_public_key, *(key.value for key in former)]))
