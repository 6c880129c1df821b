"""Nodes of two members that reach each other without sockets: real nodes, a registry in memory, a network that can fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import httpx
from fastapi import FastAPI

from ledger.notes import NoteSigner
from node.adapters.keys.files import InstitutionKeys
from node.adapters.keys.identity import FileInstitutionIdentity
from node.bootstrap.operation import Outside
from node.domain.entry import InstitutionId, Origin
from node.domain.record import Kind
from node.domain.trust import ChainPin, Finality, LogKey, TrustedInstitution, TrustedLog, TrustRoot
from node.identity.typed_data import address_of_key
from node.ports.chain.consortium import Member, RegisteredKey, RegisteredOrigin, Registry
from node.ports.records.transaction import Act, RecordsTransaction
from node.wire.trust_root import parse_trust_root, sign_trust_root
from tests.unit.members.consents import ConsentLedger, SimulatedConsents
from tests.unit.services_records.world import CLINIC, HOSPITAL, MovingClock, World, make_world

ResultT = TypeVar("ResultT")

OTHER = InstitutionId("hospital-b")
FOUNDED_S = 1_700_000_000
SIGNER = NoteSigner.from_seed("signer.example", b"\x01" * 32)
"""Signs the trust roots."""

Answer = Callable[[httpx.Request], httpx.Response]
Meddle = Callable[[httpx.Request, Answer], httpx.Response]
"""What happens between two nodes: it may change the request, the answer, or lose either."""


def acting(world: World) -> Act:
    """Return what runs a node's transactions for whoever has no nonce to use up."""

    def act(work: Callable[[RecordsTransaction], ResultT]) -> ResultT:
        done: Future[ResultT] = world.running.sharing.writer.submit(work)
        return done.result(30)

    return act


def deliver_by_hand(world: World) -> None:
    """Leave the delivery of messages to the test, until the node is started again.

    The loop would race with it, woken by every message, or late with the step that it begins with.
    """
    world.running.loops["outbox"].close()


def honest(request: httpx.Request, answer: Answer) -> httpx.Response:
    return answer(request)


def away(request: httpx.Request, answer: Answer) -> httpx.Response:
    del answer
    raise httpx.ConnectError("nobody listens", request=request)


def answer_lost(request: httpx.Request, answer: Answer) -> httpx.Response:
    answer(request)
    raise httpx.ReadError("it broke off", request=request)


class Network(httpx.BaseTransport):
    """Carries requests to the nodes' applications; what reads logs passes undisturbed."""

    def __init__(self, nodes: Callable[[str], World]) -> None:
        self._nodes = nodes
        self.meddle: Meddle = honest
        self.sent: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        if request.method == "GET":
            answer = self._answer(request)
        else:
            self.sent.append(request)
            answer = self.meddle(request, self._answer)
        return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(answer.content))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        with self._nodes(request.url.host).visit() as app:
            if app is None:
                raise httpx.ConnectError("nobody listens", request=request)
            return self._ask(app, request)

    def _ask(self, app: FastAPI, request: httpx.Request) -> httpx.Response:
        async def exchange() -> httpx.Response:
            # what a proxy tells the application: its own address, not the one that members know
            url = request.url.copy_with(scheme="http", host="127.0.0.1", port=8080)
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False)) as client:
                headers = [(name, value) for name, value in request.headers.items() if name != "host"]
                return await client.request(request.method, url, content=request.content, headers=headers)

        answer = asyncio.run(exchange())
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


@dataclass
class Neighbourhood:
    """hospital-a and clinic-a on one node, hospital-b on another."""

    here: World
    """The node of hospital-a and clinic-a."""
    there: World
    """The node of hospital-b."""
    clock: MovingClock
    """Both nodes'."""
    network: Network
    ledger: ConsentLedger
    """What the chain says of consents."""
    registry: list[Registry] = field(default_factory=list)
    """The last one is the chain's."""

    def trust(self, institution: InstitutionId, *roles: str) -> None:
        """Issue another trust root, in which an institution has these roles; running nodes go on with theirs."""
        file = self.there.directory / "trust-root.note"
        root = parse_trust_root(file.read_bytes())
        member = replace(root.institutions[institution], roles=roles)
        changed = replace(root, serial=root.serial + 1, institutions={**root.institutions, institution: member})
        for world in (self.here, self.there):
            (world.directory / file.name).write_bytes(sign_trust_root(changed, [SIGNER]))

    def refresh(self) -> None:
        for world in (self.here, self.there):
            membership = world.running.sharing.membership
            assert membership is not None
            membership.refresh()

    def change(self, institution: InstitutionId, change: Callable[[Member], Member]) -> None:
        """Change a member in the registry, and let both nodes see it."""
        last = self.registry[-1]
        members = tuple(change(each) if each.institution == institution else each for each in last.members)
        self.registry.append(replace(last, block_number=last.block_number + 1, members=members))
        self.refresh()

    def suspend(self, institution: InstitutionId) -> None:
        self.change(institution, lambda member: replace(member, is_active=False))

    def end_keys(self, institution: InstitutionId, at_s: int) -> None:
        """Rotate an institution's request keys out."""
        self.change(
            institution,
            lambda member: replace(
                member,
                keys=tuple(replace(key, valid_until_s=at_s) if key.kind == "request" else key for key in member.keys),
            ),
        )

    def start(self) -> Neighbourhood:
        self.here.start()
        self.there.start()
        self.refresh()
        return self

    def stop(self) -> None:
        self.here.stop()
        self.there.stop()


def make_neighbourhood(directory: Path, members: Mapping[str, object], codes: Mapping[str, object] | None = None) -> Neighbourhood:
    """Create the two nodes, not started yet, with these settings of the section `members`; the other's has those for codes."""
    clock = MovingClock()
    here = make_world(directory / "here", members=members)
    server = {"public_url": "https://node-b.example/"}
    there = make_world(directory / "there", names=(OTHER,), members=members, codes=codes or {}, server=server)
    network = Network(lambda host: there if host == "node-b.example" else here)
    made = Neighbourhood(here, there, clock, network, ConsentLedger(clock))
    made.registry.append(
        Registry(
            block_number=1,
            threshold=2,
            members=(*_members(here, (HOSPITAL, CLINIC)), *_members(there, (OTHER,))),
            origins=tuple(
                RegisteredOrigin(Origin(f"{name}.example/log"), name, f"https://{host}", None, None)
                for name, host in ((HOSPITAL, "node-a.example"), (CLINIC, "node-a.example"), (OTHER, "node-b.example"))
            ),
        )
    )
    made.ledger.institutions.update({f"{name}.example/log": name for name in (HOSPITAL, CLINIC, OTHER)})
    for world in (here, there):
        world.clock = clock
        world.outside = Outside(lambda: made.registry[-1], network, SimulatedConsents(made.ledger, clock))
        (world.directory / "trust-root.note").write_bytes(_trust_root(here, there))
    return made


def _trust_root(here: World, there: World) -> bytes:
    hosts = ((here, HOSPITAL, "node-a.example"), (here, CLINIC, "node-a.example"), (there, OTHER, "node-b.example"))
    root = TrustRoot(
        serial=1,
        expires_at=datetime(2100, 1, 1, tzinfo=UTC),
        signers=(SIGNER.verifier_key,),
        threshold=1,
        chain=ChainPin(1337, b"\x01" * 32, Finality(0), None, {}),
        institutions={name: TrustedInstitution(name, name, ("hospital",)) for _, name, _ in hosts},
        logs={Origin(f"{name}.example/log"): _trusted_log(world, name, host) for world, name, host in hosts},
        witnesses=(),
        witness_quorum=0,
        audit_keys=(),
        kinds=(Kind("exam-result"), Kind("prescription"), Kind("referral")),
    )
    return sign_trust_root(root, [SIGNER])


def _trusted_log(world: World, name: InstitutionId, host: str) -> TrustedLog:
    origin = Origin(f"{name}.example/log")
    key = NoteSigner.from_seed(origin, InstitutionKeys(world.settings.keys, name).read("log.seed")).verifier_key
    return TrustedLog(origin, name, f"https://{host}", (LogKey(key, 0, None),), closed=None)


def _members(world: World, names: Iterable[InstitutionId]) -> list[Member]:
    made = []
    for name in names:
        identity = FileInstitutionIdentity(world.settings.keys, name)
        keys = (
            RegisteredKey("exchange", identity.exchange_public_key, FOUNDED_S, None),
            RegisteredKey("request", identity.request_public_key, FOUNDED_S, None),
            RegisteredKey("anchor", address_of_key(InstitutionKeys(world.settings.keys, name).read("anchor.key")), FOUNDED_S, None),
        )
        made.append(Member(name, ("hospital",), is_active=True, chain_account=bytes(20), keys=keys))
    return made
