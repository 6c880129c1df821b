"""What a node does about consents, as the API sees it; there is none where the consortium has no contract for them."""

from __future__ import annotations

from dataclasses import dataclass

from node.domain.consent_message import ContractDomain
from node.ports.clock import Clock
from node.ports.consents.store import ConsentStore
from node.services.consents.emergencies import EmergencyService
from node.services.consents.grants import ConsentService
from node.services.consents.watch import ConsentWatch


@dataclass(frozen=True, slots=True)
class Consenting:
    """The services."""

    consents: ConsentService
    """Grant, revoke, show."""
    emergencies: EmergencyService
    """Open and review."""
    watch: ConsentWatch
    """What the chain says."""
    store: ConsentStore
    """What is kept, and what is on its way."""
    domain: ContractDomain
    """What binds signatures to the contract."""
    clock: Clock
    """Tells the time."""
