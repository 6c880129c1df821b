"""The consortium of a simulated region: nodes with real keys and stores, a trust root, a registry in memory.

Districts are hosted by a few nodes, and the regulator by one of its own. Every node follows every log. Nothing of a node runs
by itself: whoever drives the world does the steps of its loops, in simulated time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from nacl.bindings import crypto_scalarmult_base

from devnet.simulation.chain import SimulatedContracts
from devnet.simulation.clock import SimulatedClock
from devnet.simulation.documents import PATIENT_SYSTEM, RECORD_SYSTEM
from devnet.simulation.links import LogAtHand, Meddling, MemberAtHand, MemberLink
from devnet.simulation.region import REGULATOR, Region, origin_of
from ledger.notes import NoteSigner
from node.adapters.keys.files import InstitutionKeys
from node.bootstrap.maintenance import init_node
from node.bootstrap.operation import AtHand, Outside, RunningNode, open_node
from node.domain.entry import InstitutionId, Origin
from node.domain.trust import AuditKey, ChainPin, Finality, LogKey, TrustedInstitution, TrustedLog, TrustRoot
from node.ports.chain.consortium import Member, RegisteredKey, RegisteredOrigin, Registry
from node.services.surface.recognition import Recognition
from node.settings import InstitutionSettings, load_settings, write_settings
from node.wire.kinds import load_kinds
from node.wire.trust_root import sign_trust_root

LOCATOR_SECRETS: Final = {1: b"\x01" * 32}
SILENT_DAYS: Final = 150
"""After how long the regulator calls a log silent; far longer than in life, for a scaled-down year leaves small clinics idle."""
REGULATOR_NODE: Final = "node-regulator"
_CHAIN_ID: Final = 1337
_DAY_S: Final = 86_400.0
_NEVER_S: Final = 10.0**10
"""Longer than a simulated year: logs are looked at when the world says so."""


@dataclass(frozen=True, slots=True)
class HostNode:
    """One node."""

    name: str
    """Its name, and its host name's first label."""
    directory: Path
    """Where it keeps everything."""
    institutions: tuple[InstitutionId, ...]
    """Whom it hosts."""
    running: RunningNode
    """Its services and loops."""

    def step(self, *loops: str) -> None:
        """Do a step of each named loop."""
        for name in loops:
            self.running.loops[name].once()


@dataclass(frozen=True, slots=True)
class Consortium:
    """All nodes."""

    hosts: tuple[HostNode, ...]
    """The nodes of the institutions."""
    regulator: HostNode
    """The regulator's."""
    clock: SimulatedClock
    """Everybody's time."""
    contracts: SimulatedContracts
    """What stands in for the chain."""
    link: MemberLink
    """Carries requests between members."""
    meddling: Meddling
    """What the regulator is shown instead of what logs hold."""
    _closing: ExitStack

    @property
    def nodes(self) -> tuple[HostNode, ...]:
        """Return all nodes."""
        return (*self.hosts, self.regulator)

    def host_of(self, institution: InstitutionId) -> HostNode:
        """Return the node that hosts an institution."""
        return next(node for node in self.nodes if institution in node.institutions)

    def signer(self, institution: InstitutionId) -> NoteSigner:
        """Return what signs an institution's log: misconduct needs its key."""
        return _log_signer(self.host_of(institution).directory, institution)

    def close(self) -> None:
        """Stop all nodes."""
        self._closing.close()


def recognition_of(node: HostNode) -> Recognition:
    """Return a node's services of recognition."""
    found = node.running.node.recognition
    if found is None:
        raise RuntimeError(f"{node.name} has no rules of recognition")
    return found


def open_consortium(region: Region, directory: Path, clock: SimulatedClock) -> Consortium:
    """Found a consortium and open its nodes."""
    documents = directory / "documents"
    region.documents.write(documents)
    hosted: dict[str, tuple[InstitutionId, ...]] = {}
    for host in range(region.config.hosts):
        named = tuple(each.institution for each in region.institutions if each.host == host)
        if named:
            hosted[f"node-{host + 1}"] = named
    hosted[REGULATOR_NODE] = (REGULATOR,)
    for name, institutions in hosted.items():
        _lay_out(directory / name, institutions, documents, region.config.withdrawn_grace_days)
    root = _trust_root(directory, hosted)
    for name in hosted:
        (directory / name / "trust-root.note").write_bytes(root)
    (directory / "trust-root.note").write_bytes(root)
    return _Opening(directory, hosted, clock).open()


class _Opening:
    """Opens nodes that need each other."""

    def __init__(self, directory: Path, hosted: Mapping[str, Sequence[InstitutionId]], clock: SimulatedClock) -> None:
        self._directory = directory
        self._hosted = hosted
        self._clock = clock
        self._contracts = SimulatedContracts(clock)
        self._meddling = Meddling()
        self._running: dict[str, RunningNode] = {}
        self._host_of = {each: host for host, institutions in hosted.items() for each in institutions}
        self._link = MemberLink(lambda institution: self._running[self._host_of[institution]])

    def open(self) -> Consortium:
        nodes = []
        with ExitStack() as stack:
            for name, institutions in self._hosted.items():
                running = open_node(load_settings(self._directory / name), self._clock, self._outside(name))
                stack.callback(running.close)
                self._running[name] = running
                nodes.append(HostNode(name, self._directory / name, tuple(institutions), running))
            for node in nodes:
                # the last one prepares the rules of every institution, which a node does before a clinician asks
                node.step("registry", "consent-watch", "check-leaves")
            closing = stack.pop_all()
        *hosts, regulator = nodes
        return Consortium(tuple(hosts), regulator, self._clock, self._contracts, self._link, self._meddling, closing)

    def _outside(self, name: str) -> Outside:
        meddling = self._meddling if name == REGULATOR_NODE else None

        def peer(log: TrustedLog) -> LogAtHand | None:
            host = self._host_of[log.institution]
            return None if host == name else LogAtHand(log.origin, lambda: self._running[host].node.reader, meddling)

        def client(sender: InstitutionId) -> MemberAtHand:
            return MemberAtHand(sender, self._link)

        at_hand = AtHand(peer, client)
        return Outside(self._registry, None, self._contracts, at_hand)

    def _registry(self) -> Registry:
        members, origins = [], []
        for name, institutions in self._hosted.items():
            for institution in institutions:
                members.append(_member(self._running[name], institution))
                origins.append(RegisteredOrigin(origin_of(institution), institution, f"https://{name}.example", None, None))
        return Registry(block_number=1, threshold=2, members=tuple(members), origins=tuple(origins))


def _lay_out(directory: Path, institutions: Iterable[InstitutionId], documents: Path, withdrawn_grace_days: int) -> None:
    """Write a node's settings, keys and empty databases."""
    directory.mkdir(parents=True)
    hosted = [
        InstitutionSettings(
            id=each,
            name=f"模拟机构 {each}",
            origin=origin_of(each),
            record_systems=(RECORD_SYSTEM,),
            patient_systems=(PATIENT_SYSTEM,),
        )
        for each in institutions
    ]
    write_settings(
        directory,
        hosted,
        work={"prepare_processes": 0},
        log={"checkpoint_interval_ms": 0},
        following={"poll_interval_s": _NEVER_S},
        recognition={"directory": str(documents.resolve())},
        supervision={"silent_log_s": SILENT_DAYS * _DAY_S, "withdrawn_grace_s": withdrawn_grace_days * _DAY_S},
    )
    init_node(load_settings(directory), LOCATOR_SECRETS)


def _member(running: RunningNode, institution: InstitutionId) -> Member:
    identity = running.sharing.identities[institution]
    keys = (
        RegisteredKey("exchange", identity.exchange_public_key, 0, None),
        RegisteredKey("request", identity.request_public_key, 0, None),
    )
    return Member(institution, _roles(institution), is_active=True, chain_account=bytes(20), keys=keys)


def _trust_root(directory: Path, hosted: Mapping[str, Sequence[InstitutionId]]) -> bytes:
    signer = NoteSigner.from_seed("simulated.example/signer", bytes(32))
    institutions = [each for named in hosted.values() for each in named]
    logs = dict(_trusted_logs(directory, hosted))
    regulator_key = InstitutionKeys(directory / REGULATOR_NODE / "keys", REGULATOR).read("exchange.key")
    root = TrustRoot(
        serial=1,
        expires_at=datetime(2100, 1, 1, tzinfo=UTC),
        signers=(signer.verifier_key,),
        threshold=1,
        chain=ChainPin(_CHAIN_ID, bytes(32), Finality(0), None, {}),
        institutions={each: TrustedInstitution(each, f"模拟机构 {each}", _roles(each)) for each in institutions},
        logs=logs,
        witnesses=(),
        witness_quorum=0,
        audit_keys=(AuditKey(REGULATOR, crypto_scalarmult_base(regulator_key)),),
        kinds=tuple(sorted(load_kinds().kinds)),
    )
    return sign_trust_root(root, [signer])


def _trusted_logs(directory: Path, hosted: Mapping[str, Sequence[InstitutionId]]) -> Iterator[tuple[Origin, TrustedLog]]:
    for name, institutions in hosted.items():
        for each in institutions:
            key = LogKey(_log_signer(directory / name, each).verifier_key, 0, None)
            yield origin_of(each), TrustedLog(origin_of(each), each, f"https://{name}.example", (key,), closed=None)


def _log_signer(directory: Path, institution: InstitutionId) -> NoteSigner:
    return NoteSigner.from_seed(origin_of(institution), InstitutionKeys(directory / "keys", institution).read("log.seed"))


def _roles(institution: InstitutionId) -> tuple[str, ...]:
    return ("regulator",) if institution == REGULATOR else ("hospital",)
