"""Founding in steps that may be cut off, and the registry as commands read and change it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from contracts.terms import KeyKind
from devnet import genesis
from devnet.engines import RunningEngine
from devnet.errors import GenesisError
from devnet.genesis import Deployment, address_of, found_consortium, read_deployment
from devnet.transactions import Sender
from ledger.hashing import TreeSize
from node.adapters.chain.client import ChainClient
from node.adapters.chain.connection import ChainConnection
from node.adapters.chain.consortium import ChainConsortium
from node.adapters.chain.signers import LocalSigner
from node.domain.entry import InstitutionId, Origin
from node.domain.trust import ChainPin
from node.errors import TransactionMissingError, TransactionRevertedError
from node.ports.chain.consortium import (
    AddOrigin,
    Admit,
    ChangeRoles,
    ChangeThreshold,
    CloseOrigin,
    Motion,
    RegisterCatalogue,
    RegisterKind,
    Reinstate,
    ReplaceChainAccount,
    Suspend,
)
from tests.integration.chain_client.conftest import engine_named
from tests.integration.chain_client.consortium_chain import FOUNDERS, IMMEDIATE, JOINER, found, key, mine, origin, plans
from tests.integration.chain_client.faulty_proxy import running_proxy
from tests.unit.chain_client_anchors.logs import GrowingLog

pytestmark = [pytest.mark.network, pytest.mark.slow]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningEngine]:
    engine = engine_named("embedded").start(tmp_path / "chain")
    yield engine
    engine.stop()


@dataclass
class Votes:
    """The clients of the founders, of a member, and of nobody."""

    client: ChainClient
    first: ChainConsortium
    second: ChainConsortium
    joined: ChainConsortium
    reader: ChainConsortium
    pin: ChainPin

    def carry(self, motion: Motion) -> None:
        number = self.first.propose(motion)
        assert self.second.vote(number) is True


@pytest.fixture
def votes(running: RunningEngine, tmp_path: Path) -> Iterator[Votes]:
    deployment = found(running.rpc_url, tmp_path / "deployment.json")
    client = ChainClient(running.rpc_url, deployment.pin(IMMEDIATE))
    first, second, joined = (client.consortium(LocalSigner(key(name))) for name in (*FOUNDERS, JOINER))
    yield Votes(client, first, second, joined, client.consortium(), deployment.pin(IMMEDIATE))
    client.close()


def test_the_registry_holds_what_was_founded(votes: Votes) -> None:
    registry = votes.reader.registry()
    assert registry.threshold == 2
    assert [member.institution for member in registry.members] == [*FOUNDERS, JOINER]
    hospital, regulator, joiner = registry.members
    assert (hospital.roles, regulator.roles, joiner.roles) == (("hospital",), ("regulator",), ("hospital", "pharmacy"))
    assert all(member.is_active for member in registry.members)
    assert hospital.chain_account == address_of(key(FOUNDERS[0]))
    assert [(each.kind, each.value) for each in hospital.keys] == [
        ("chain", address_of(key(FOUNDERS[0]))),
        ("anchor", address_of(key("unused"))),
        ("log", b"l" * 32),
    ]
    assert [(each.kind, each.valid_until_s) for each in regulator.keys] == [("chain", None), ("audit", None)]
    assert [(each.origin, each.institution) for each in registry.origins] == [
        (origin(0), FOUNDERS[0]),
        (Origin(f"{JOINER}/log"), JOINER),
    ]
    assert all(proposal.is_executed for proposal in votes.reader.proposals())


def test_every_motion_can_be_carried(votes: Votes) -> None:
    log = GrowingLog(origin(0))
    clinic = InstitutionId("clinic.example")
    votes.carry(Admit(clinic, ("primary-care",), address_of(key("clinic"))))
    votes.carry(AddOrigin(clinic, Origin("clinic.example/log"), "http://127.0.0.1:9/log/"))
    votes.carry(ChangeRoles(clinic, ("primary-care", "code-service")))
    votes.carry(ReplaceChainAccount(clinic, address_of(key("clinic's new one"))))
    votes.carry(CloseOrigin(origin(0), TreeSize(5), log.root(5), Origin("clinic.example/log")))
    votes.carry(RegisterKind("exam-result", b"k" * 32))
    votes.carry(RegisterCatalogue("items", b"c" * 32))
    votes.carry(Suspend(InstitutionId(JOINER)))
    assert [member.is_active for member in votes.reader.registry().members] == [True, True, False, True]
    votes.carry(Reinstate(InstitutionId(JOINER)))
    votes.carry(ChangeThreshold(1))
    registry = votes.reader.registry()
    assert registry.threshold == 1
    member = registry.members[3]
    assert (member.roles, member.chain_account) == (
        ("primary-care", "code-service"),
        address_of(key("clinic's new one")),
    )
    closed = registry.origins[0]
    assert (closed.closed_at, closed.successor) == ((5, log.root(5)), Origin("clinic.example/log"))
    summaries = [proposal.summary for proposal in votes.reader.proposals()]
    assert f"suspend {JOINER}" in summaries
    assert "let clinic.example be primary-care, code-service" in summaries
    assert f"register kind exam-result, SHA-256 0x{(b'k' * 32).hex()}" in summaries


def test_votes_are_counted_and_refusals_named(votes: Votes) -> None:
    number = votes.first.propose(ChangeThreshold(3))
    (proposal,) = [each for each in votes.reader.proposals() if each.number == number]
    assert (proposal.action, proposal.votes, proposal.is_executed) == ("change_threshold", 1, False)
    assert (proposal.summary, proposal.proposer) == ("let 3 votes carry a proposal", FOUNDERS[0])
    with pytest.raises(TransactionRevertedError) as caught:
        votes.first.vote(number)
    assert caught.value.name == "AlreadyVoted"
    assert votes.joined.vote(number) is True
    with pytest.raises(TransactionRevertedError) as caught:
        votes.second.vote(number)
    assert caught.value.name == "ProposalClosed"
    stranger = votes.client.consortium(LocalSigner(key("stranger")))
    with pytest.raises(TransactionRevertedError) as caught:
        stranger.propose(ChangeThreshold(1))
    assert caught.value.name == "NotMember"
    with pytest.raises(ValueError, match="needs a chain key"):
        votes.reader.vote(number)
    with pytest.raises(ValueError, match="no role 'butcher'"):
        votes.first.propose(ChangeRoles(InstitutionId(JOINER), ("butcher",)))


def test_a_vote_that_is_in_no_block_in_time_is_not_lost(running: RunningEngine, votes: Votes) -> None:
    number = votes.first.propose(ChangeThreshold(1))
    with running_proxy(running.rpc_url) as proxy:
        connection = ChainConnection(proxy.url, votes.pin)
        slow = ChainConsortium(connection, LocalSigner(key(FOUNDERS[1])), wait_s=0)
        proxy.canned = {"eth_getTransactionReceipt": None}
        with pytest.raises(TransactionMissingError, match="look again"):
            slow.vote(number)
        connection.close()
    assert votes.reader.registry().threshold == 1


def test_keys_rotate_with_overlap(votes: Votes) -> None:
    votes.first.register_key("anchor", address_of(key("rotated")), 3600)
    old, new = [each for each in votes.reader.registry().members[0].keys if each.kind == "anchor"]
    assert (old.value, new.value) == (address_of(key("unused")), address_of(key("rotated")))
    assert old.valid_until_s == new.valid_from_s + 3600
    assert new.valid_until_s is None
    with pytest.raises(TransactionRevertedError) as caught:
        votes.first.register_key("anchor", address_of(key("rotated")), 0)
    assert caught.value.name == "RepeatedKey"


def test_founding_again_changes_nothing(running: RunningEngine, tmp_path: Path) -> None:
    file = tmp_path / "deployment.json"
    first = found(running.rpc_url, file)
    client = ChainClient(running.rpc_url, first.pin(IMMEDIATE))
    head = client.events().poll(None).cursor
    assert found(running.rpc_url, file) == first
    assert read_deployment(file) == first
    assert client.events().poll(None).cursor == head, "no block was made"
    client.close()


class CutOffError(Exception):
    pass


def test_founding_that_was_cut_off_anywhere_is_finished(
    running: RunningEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run is ended before its fourth transaction; the next run goes on from there."""
    sent = 0
    original = Sender.send

    def send_three(self: Sender, *arguments: object) -> object:
        nonlocal sent
        if sent == 3:
            raise CutOffError
        sent += 1
        return original(self, *arguments)  # type: ignore[arg-type]

    # three: a run that is cut off between the contracts deploys all of them again
    monkeypatch.setattr(Sender, "send", send_three)
    file = tmp_path / "deployment.json"
    deployment: Deployment | None = None
    runs = 0
    while deployment is None:
        sent = 0
        runs += 1
        try:
            deployment = found(running.rpc_url, file)
        except CutOffError:
            continue
    assert runs > 3
    client = ChainClient(running.rpc_url, deployment.pin(IMMEDIATE))
    registry = client.consortium().registry()
    assert len(registry.members) == 3
    assert len(registry.origins) == 2
    assert len(client.consortium().proposals()) == 3, "nothing was proposed twice"
    client.close()


def test_endpoints_follow_the_plan(running: RunningEngine, tmp_path: Path) -> None:
    file = tmp_path / "deployment.json"
    found(running.rpc_url, file)
    founders, members = plans(1)
    moved = genesis.OriginPlan(origin(0), "http://127.0.0.1:9999/log/")
    hospital = genesis.InstitutionPlan(
        founders[0].institution, founders[0].roles, founders[0].chain_key, founders[0].keys, (moved,)
    )
    deployment = found_consortium(
        running.rpc_url, founders=[hospital, founders[1]], members=members, threshold=2, deployment_file=file
    )
    client = ChainClient(running.rpc_url, deployment.pin(IMMEDIATE))
    assert client.consortium().registry().origins[0].endpoint == "http://127.0.0.1:9999/log/"
    client.close()


def test_a_file_of_another_chain_is_refused(running: RunningEngine, tmp_path: Path) -> None:
    file = tmp_path / "deployment.json"
    other = Deployment(1, b"g" * 32, {})
    genesis._write_deployment(file, other)
    with pytest.raises(GenesisError, match="another chain"):
        found(running.rpc_url, file)
    file.write_text("{")
    with pytest.raises(GenesisError, match="damaged"):
        found(running.rpc_url, file)


def test_a_plan_that_cannot_be_is_refused(running: RunningEngine, tmp_path: Path) -> None:
    founders, members = plans(1)
    with pytest.raises(GenesisError, match="threshold"):
        found(running.rpc_url, tmp_path / "deployment.json", threshold=3)
    wrong = genesis.InstitutionPlan(founders[0].institution, founders[0].roles, founders[0].chain_key, {KeyKind.LOG: b"short"}, ())
    with pytest.raises(GenesisError, match="32 bytes, not 5"):
        found_consortium(
            running.rpc_url,
            founders=[wrong, founders[1]],
            members=members,
            threshold=1,
            deployment_file=tmp_path / "deployment.json",
        )
    mine(running.rpc_url, 1)
