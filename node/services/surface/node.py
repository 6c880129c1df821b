"""A node as the API and the command line see it: its services in one place, built by `node.bootstrap` alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from node.domain.entry import InstitutionId
from node.domain.institution import HostedInstitution
from node.ports.logs.trust import CosignedStore
from node.ports.records.transaction import RecordsReader
from node.services.clients import ClientService
from node.services.custody.refiling import RefilingService
from node.services.custody.withdrawal import WithdrawalService
from node.services.logs.following import FollowingService
from node.services.logs.progress import Progress
from node.services.logs.witnessing import WitnessService
from node.services.patients.index import PatientService
from node.services.reading.finding import Finder
from node.services.records.erasure import ErasureService
from node.services.records.evidence import EvidenceService
from node.services.records.ingest import IngestService
from node.services.status import StatusService
from node.services.surface.catalogue import Catalogue
from node.services.surface.code_exchange import CodeExchange
from node.services.surface.consenting import Consenting
from node.services.surface.custody import Custody
from node.services.surface.exchange import Exchange
from node.services.surface.oversight import Oversight
from node.services.surface.reading import Reading
from node.services.surface.recognition import Recognition


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What a request may hold."""

    max_document_bytes: int
    """Bytes of one document, or of one NDJSON line."""
    max_batch_lines: int
    """Lines of one NDJSON batch."""


@dataclass(frozen=True, slots=True)
class Node:
    """The services."""

    institutions: Mapping[InstitutionId, HostedInstitution]
    """Whom this node hosts."""
    clients: ClientService
    """API keys."""
    ingest: IngestService
    """Documents in."""
    evidence: EvidenceService
    """Evidence out, and verification."""
    erasure: ErasureService
    """Erasure."""
    patients: PatientService
    """Patients' keys."""
    status: StatusService
    """How the node does."""
    following: FollowingService
    """Follows all logs."""
    witness: WitnessService
    """Cosigns logs of others."""
    finder: Finder
    """Finds a patient's entries in all followed logs."""
    cosigned: CosignedStore
    """This node's checkpoints with the cosignatures of others."""
    progress: Progress
    """How far each log got."""
    reader: RecordsReader
    """What was committed."""
    limits: RequestLimits
    """What a request may hold."""
    wait_timeout_s: float
    """How long `?wait=` waits."""
    public_log: bool
    """Whether /log answers without an API key."""
    custody: Custody
    """What becomes of entries after they were staged."""
    exchange: Exchange | None
    """What it shares with other members; None without a registry."""
    refiling: RefilingService | None = None
    """Files records under the right patient; set once the node is open."""
    codes: CodeExchange | None = None
    """Codes of patients; None without a registry."""
    reading: Reading | None = None
    """What it reads of other members, and lets them read; None without a registry."""
    catalogue: Catalogue | None = None
    """Catalogue, maps, prices and certificates, as documents; None without a consortium."""
    recognition: Recognition | None = None
    """Checks at order time, and decisions; None without a registry."""
    consenting: Consenting | None = None
    """Consents and emergencies; None where the consortium has no contract for them."""
    withdrawal: WithdrawalService | None = None
    """Stops processing for a patient; set once the node is open."""
    oversight: Oversight | None = None
    """What patients, auditors and regulators see; set once the node is open."""
