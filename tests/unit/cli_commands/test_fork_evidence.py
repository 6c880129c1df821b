"""`concord log fork-evidence`, `concord log unfreeze`, and `concord verify` on what they write."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.follower import Contradicted, Follower
from ledger.forks import Contradiction, ContradictionKind
from node.adapters.database.logs.trust import SqlTrustStore
from node.adapters.database.schema import TRUST, open_database
from node.ports.logs.trust import FrozenLog
from node.wire.evidence.fork_evidence import ForkEvidence, encode_fork_evidence
from tests.served_logs import AnyKey, ServedLog, drive
from tests.unit.cli_commands.conftest import Concord
from tests.unit.evidence_verify.world import LOG_SIGNERS, A
from tests.unit.services_records.world import World, make_world

KEYS = (AnyKey(LOG_SIGNERS[A].verifier_key),)
LOG = ServedLog([b"%d" % number for number in range(300)], origin=A, signer=LOG_SIGNERS[A])


def fork() -> Contradiction:
    follower = Follower(A, KEYS)
    drive(follower, LOG)
    (event,) = drive(follower, LOG.fork(7, [b"other"] * 500))
    assert isinstance(event, Contradicted)
    return event.contradiction


def evidence_of(contradiction: Contradiction) -> bytes:
    return encode_fork_evidence(ForkEvidence(A, contradiction, 1_790_000_000_000))


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A node that is not running and has frozen a log."""
    made = make_world(tmp_path / "node")
    engine = open_database(made.directory, TRUST, writer=True)
    SqlTrustStore(engine).freeze(FrozenLog(A, "fork", evidence_of(fork()), 1_790_000_000_000))
    engine.dispose()
    return made


def test_evidence_is_written_and_verified_by_whoever_has_the_trust_root(
    concord: Concord, world: World, tmp_path: Path, trust_root: Path
) -> None:
    file = tmp_path / "evidence.json"
    assert concord("log", "fork-evidence", A, "--dir", world.directory, "-o", file).exit_code == 0
    result = concord("verify", file, "--trust-root", trust_root)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "VERIFIED: the log signed two histories"
    assert A in lines[1]
    assert any("does not extend" in line for line in lines)
    document = json.loads(concord("verify", file, "--trust-root", trust_root, "--json").stdout)
    assert (document["verdict"], document["against"], document["earlier_size"], document["later_size"]) == (
        "verified",
        "fork",
        300,
        507,
    )
    assert "签署了两份" in concord("verify", file, "--trust-root", trust_root, "--lang", "zh").stdout


def test_a_rollback_says_what_it_does_not_prove(concord: Concord, tmp_path: Path, trust_root: Path) -> None:
    file = tmp_path / "rollback.json"
    file.write_bytes(evidence_of(Contradiction(ContradictionKind.ROLLBACK, LOG.note(), LOG.note(5))))
    result = concord("verify", file, "--trust-root", trust_root)
    assert result.exit_code == 0
    not_proved = result.stdout[result.stdout.index("Not proved:") :]
    assert "served first" in not_proved


def test_what_does_not_contradict_is_refuted_and_what_is_no_file_unreadable(
    concord: Concord, tmp_path: Path, trust_root: Path
) -> None:
    file = tmp_path / "evidence.json"
    file.write_bytes(evidence_of(replace(fork(), later=LOG.note())))
    result = concord("verify", file, "--trust-root", trust_root)
    assert (result.exit_code, result.stdout.splitlines()[0]) == (1, "REFUTED (ForkRefutedError)")
    file.write_bytes(evidence_of(fork()).replace(b'"version": 1', b'"version": 2'))
    assert concord("verify", file, "--trust-root", trust_root).exit_code == 2
    file.write_bytes(evidence_of(fork())[:-20])
    assert concord("verify", file, "--trust-root", trust_root).exit_code == 2
    file.write_bytes(evidence_of(fork()))
    assert concord("verify", file, "--trust-root", trust_root, "--max-age", "1h").exit_code == 2


def test_an_operators_word_clears_a_log_once_and_keeps_the_evidence(concord: Concord, world: World, tmp_path: Path) -> None:
    assert concord("log", "unfreeze", A, "--dir", world.directory, "--reason", " ").exit_code == 2
    assert concord("log", "unfreeze", A, "--dir", world.directory, "--reason", "mended").exit_code == 0
    assert concord("log", "unfreeze", A, "--dir", world.directory, "--reason", "mended").exit_code == 1
    assert world.rows("SELECT cleared_reason FROM freezes", database="trust.db") == [("mended",)]
    assert concord("log", "fork-evidence", A, "--dir", world.directory, "-o", tmp_path / "kept").exit_code == 0
    assert concord("log", "fork-evidence", "another", "--dir", world.directory, "-o", tmp_path / "none").exit_code == 1
