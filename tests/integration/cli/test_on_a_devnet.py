"""Commands that need a chain: the anchor read by the verifier, the registry, votes. One devnet for all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devnet.codes import CodeDesk, draw_card
from devnet.topology import Devnet, running_devnet
from devnet.trust import trust_signers
from node.wire.catalogue.documents import PACKAGED_CATALOGUE, PACKAGED_MAPS
from node.wire.trust_root import parse_trust_root, sign_trust_root
from tests.integration.cli.served_node import concord, document, report
from tests.integration.cli.waiting import until
from tests.unit.fhir_split.documents import bundle, panel

pytestmark = [pytest.mark.network, pytest.mark.slow]


@pytest.fixture(scope="module")
def devnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devnet]:
    with running_devnet(tmp_path_factory.mktemp("devnet") / "d") as running:
        yield running


@pytest.fixture(scope="module")
def evidence(devnet: Devnet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Evidence of a record that is anchored."""
    folder = tmp_path_factory.mktemp("evidence")
    (folder / "report.json").write_bytes(report("anchored"))
    hospital, each = devnet.institutions["hospital-a"]
    access = ("--url", hospital.url, "--api-key", each.api_key)
    receipts = folder / "receipts"
    sent = concord("ingest", folder / "report.json", *access, "--wait", "anchored", "--receipts", receipts)
    assert sent.exit_code == 0, sent.output
    receipt = json.loads(receipts.read_text())
    assert receipt["level"] == "anchored"
    assert concord("evidence", receipt["record_id"], "-o", folder / "evidence.json", *access).exit_code == 0
    return folder / "evidence.json"


def rpc_of(devnet: Devnet) -> str:
    assert devnet.chain is not None
    return devnet.chain.rpc_url


def verify(evidence: Path, trust_root: Path, *words: str) -> tuple[int, dict[str, Any]]:
    result = concord("verify", evidence, "--trust-root", trust_root, "--json", *words)
    return result.exit_code, document(result)


def test_the_anchor_counts_only_when_the_chain_was_asked(devnet: Devnet, evidence: Path) -> None:
    code, offline = verify(evidence, devnet.trust_root)
    assert (code, offline["level"], offline["anchor"]) == (0, "logged", "stated")
    code, checked = verify(evidence, devnet.trust_root, "--rpc", rpc_of(devnet), "--max-age", "1h")
    assert (code, checked["level"], checked["anchor"], checked["as_of_basis"]) == (0, "anchored", "checked", "chain")


def test_an_older_head_is_found_in_the_state_of_its_own_block(devnet: Devnet, evidence: Path, tmp_path: Path) -> None:
    (tmp_path / "later.json").write_bytes(report("later"))
    hospital, each = devnet.institutions["hospital-a"]
    words = ("--url", hospital.url, "--api-key", each.api_key, "--wait", "anchored")
    assert concord("ingest", tmp_path / "later.json", *words).exit_code == 0
    code, checked = verify(evidence, devnet.trust_root, "--rpc", rpc_of(devnet))
    assert (code, checked["anchor"]) == (0, "checked")


def test_another_chain_than_the_pinned_one_decides_nothing(devnet: Devnet, evidence: Path, tmp_path: Path) -> None:
    root = parse_trust_root(devnet.trust_root.read_bytes())
    other = tmp_path / "other-chain"
    signers = trust_signers(devnet.directory / "signers")
    other.write_bytes(sign_trust_root(replace(root, chain=replace(root.chain, genesis_hash=b"\x05" * 32)), signers))
    code, answer = verify(evidence, other, "--rpc", rpc_of(devnet))
    assert (code, answer["verdict"], answer["error"]) == (3, "undecided", "WrongChainError")


def test_a_node_hands_out_the_trust_root_that_it_uses(devnet: Devnet, evidence: Path, tmp_path: Path) -> None:
    hospital, _ = devnet.institutions["hospital-a"]
    exported = tmp_path / "exported"
    assert concord("trust", "export", "--dir", devnet.node_directory(hospital), "-o", exported).exit_code == 0
    assert exported.read_bytes() == devnet.trust_root.read_bytes()
    assert verify(evidence, exported)[0] == 0


def test_a_proposal_is_carried_by_votes(devnet: Devnet) -> None:
    def directory(name: str) -> Path:
        return devnet.node_directory(devnet.institutions[name][0])

    first = ("--dir", directory("hospital-a"), "--institution", "hospital-a", "--json")
    second = ("--dir", directory("hospital-b"), "--institution", "hospital-b", "--json")
    digest = "ab" * 32
    proposal = document(concord("consortium", "propose", "register-catalogue", "lab-2026", "--digest", digest, *first))
    assert (proposal["action"], proposal["votes"], proposal["carried"]) == ("register_catalogue", 1, False)
    voted = document(concord("consortium", "vote", proposal["proposal"], *second))
    assert voted["carried"] is True
    for number, revert in ((proposal["proposal"], "ProposalClosed"), (9999, "UnknownProposal")):
        refused = concord("consortium", "vote", number, *second)
        assert (refused.exit_code, revert in refused.stderr) == (1, True), refused.stderr
    offline = ("--trust-root", devnet.trust_root, "--rpc", rpc_of(devnet), "--json")
    listed = document(concord("consortium", "list", *offline))
    assert listed["proposals"][proposal["proposal"]]["carried"] is True
    assert {member["institution"] for member in listed["members"]} >= {"hospital-a", "hospital-b", "regulator", "primary-care-a"}
    assert concord("consortium", "propose", "admit", "x", "--role", "wizard", "--account", "0x" + "0" * 40, *first).exit_code == 2
    assert concord("consortium", "list").exit_code == 2


def test_a_chain_that_is_away_leaves_the_offline_part(devnet: Devnet, evidence: Path) -> None:
    rpc = rpc_of(devnet)
    devnet.stop_chain()
    try:
        code, answer = verify(evidence, devnet.trust_root, "--rpc", rpc)
        assert (code, answer["verdict"], answer["error"]) == (3, "undecided", "ChainAwayError")
        assert verify(evidence, devnet.trust_root)[0] == 0
        listed = concord("consortium", "list", "--trust-root", devnet.trust_root, "--rpc", rpc, "--json")
        assert (listed.exit_code, document(listed)["error"]) == (3, "ChainAwayError")
    finally:
        devnet.start_chain()


def test_documents_that_the_regulator_and_the_hospitals_publish_hold_at_every_node(devnet: Devnet) -> None:
    def access(institution: str) -> tuple[str, ...]:
        node, each = devnet.institutions[institution]
        return "--url", node.url, "--api-key", each.api_key

    for institution in ("hospital-a", "hospital-b"):
        assert concord("catalogue", "publish", PACKAGED_MAPS / f"{institution}.json", *access(institution)).exit_code == 0
    refused = concord("catalogue", "publish", PACKAGED_CATALOGUE, *access("hospital-a"))
    assert refused.exit_code == 1
    published = document(concord("catalogue", "publish", PACKAGED_CATALOGUE, *access("regulator"), "--json"))
    assert len(published["published"]) == 5
    for institution in ("hospital-b", "regulator"):

        def published_there(institution: str = institution) -> dict[str, Any]:
            return document(concord("catalogue", "published", *access(institution), "--json"))

        holds = until(published_there, lambda each: each.get("source") == "published" and len(each["documents"]) >= 7)
        assert {each["published"]["institution"] for each in holds["documents"]} == {"hospital-a", "hospital-b", "regulator"}


def test_a_decision_is_certified_with_witnesses_and_an_anchor(devnet: Devnet, tmp_path: Path) -> None:
    def access(institution: str) -> tuple[str, ...]:
        node, each = devnet.institutions[institution]
        return "--url", node.url, "--api-key", each.api_key

    desk, card = CodeDesk(b""), draw_card()
    desk.issue(card, devnet.client("hospital-a"))
    for institution, number in (("hospital-a", "p1"), ("hospital-b", "p2")):
        desk.release(card, devnet.client(institution), number)
    resources = panel()
    performed = datetime.now(UTC) - timedelta(hours=2)
    resources[0] |= {"effectiveDateTime": performed.isoformat(), "issued": performed.isoformat()}
    resources[2]["valueQuantity"] = {"value": 4.2, "code": "mmol/L"}
    (tmp_path / "panel.json").write_text(json.dumps(bundle(resources)), encoding="utf-8")
    assert concord("ingest", tmp_path / "panel.json", *access("hospital-a"), "--wait", "anchored").exit_code == 0
    staff = ("--staff", "b-17", *access("hospital-b"), "--json")

    def shown() -> dict[str, Any]:
        line: dict[str, Any]
        answer = document(concord("check", "o-1=ELECTRO", "--number", "p2", *staff))
        (line,) = answer["lines"]
        return {"check": answer["check_id"], "results": [*line["offers"], *line["unrecognisable"]]}

    asked = until(shown, lambda answer: bool(answer["results"]))
    taken = document(concord("decide", "reorder", asked["check"], "o-1", "--reason", "4", *staff))
    file = tmp_path / "decision.json"
    words = ("--decision", taken["decision_id"], "-o", file, *access("hospital-b"))

    def certified() -> dict[str, Any]:
        if concord("evidence", *words).exit_code != 0:
            return {}
        code, verdict = verify(file, devnet.trust_root)
        assert (code, verdict["verdict"]) == (0, "verified"), verdict
        return verdict

    def is_seen(verdict: dict[str, Any]) -> bool:
        # a devnet logs its checks every few seconds: until then the check is asserted, and from then on proved
        seen = bool(verdict) and verdict["entry"]["witnessed"] and verdict["entry"]["anchor"] == "stated"
        return seen and verdict["check"]["logged"]

    verdict = until(certified, is_seen)
    assert verdict["decision"]["reason"] == 4
    assert [each["leaf_hash"] for each in verdict["results"]] == [each["leaf_hash"] for each in asked["results"]]
    assert concord("verify", file, "--trust-root", devnet.trust_root, "--rpc", rpc_of(devnet)).exit_code == 2
