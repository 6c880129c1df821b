"""What patients, auditors and regulators see through the command line, of a node that is served."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from node.cli.patient.files import write_patient
from node.domain.access import RequestId
from node.domain.entry import InstitutionId
from node.identity.code_text import parse_card
from node.wire.patient.file import PatientFile, parse_patient_file
from tests.integration.cli.served_node import ServedNode, concord, document, free_port
from tests.unit.patient_view.test_views import fill, register, shows, view
from tests.unit.services_supervision.consortium import (
    PATIENT,
    REGULATOR,
    REQUESTER,
    SEED,
    A,
    B,
    eventually,
    log_act,
    make_access,
    make_consortium,
)

pytestmark = [pytest.mark.slow, pytest.mark.network]


@dataclass
class Served:
    """A consortium on one node, and what commands need to reach it."""

    node: ServedNode
    patient: Path
    trust_root: Path
    record: str
    keys: dict[InstitutionId, str]

    @property
    def asking(self) -> tuple[object, ...]:
        nodes = [("--node", f"{each}.example/log={self.node.url}") for each in (A, B, REGULATOR)]
        return ("--patient", self.patient, "--trust-root", self.trust_root, *(word for pair in nodes for word in pair))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Log a result, a consent and accesses, one of which the requester alone logged; then serve the node."""
    root = tmp_path_factory.mktemp("oversight")
    world = make_consortium(root / "n", supervision={"interval_s": 0.02, "receipt_grace_s": 0.0}).start()
    register(world)
    fill(world)
    log_act(world, B, make_access(REQUESTER, request=RequestId("fedcba9876543210" * 2)))
    seen = eventually(lambda: view(world), lambda found: shows(found, 5))
    record = world.rows("SELECT record_id FROM records")[0][0]
    keys = {each: world.api_key(each) for each in (A, REGULATOR)}
    exchange_key = world.running.sharing.identities[A].exchange_public_key.hex()
    world.stop()
    assert seen.troubles == ()
    patient = root / "patient.json"
    write_patient(patient, PatientFile(SEED, PATIENT.epoch_keys))
    node = ServedNode(root / "n", free_port(), keys[A], exchange_key)
    node.start()
    yield Served(node, patient, world.settings.trust_root_file, record, keys)
    node.stop()


def test_the_patient_sees_results_consents_and_who_looked(served: Served) -> None:
    results = concord("patient", "results", *served.asking)
    assert results.exit_code == 0, results.output
    assert "exam-result" in results.stdout
    consents = concord("patient", "consents", *served.asking, "--lang", "zh")
    assert "hospital-b 可为诊疗查阅" in consents.stdout
    access = document(concord("patient", "access", *served.asking, "--json"))
    others = [line["outcome"] for line in access["lines"] if line["actor"]["role"] != "patient"]
    assert sorted(others) == ["denied", "disclosed", "disclosed"]
    assert access["troubles"] == []


def test_the_export_verifies_offline(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "bundle.json"
    exported = document(concord("patient", "export", *served.asking, "--headers-only", "-o", file, "--json"))
    assert exported["in_full"] == 0
    assert file.stat().st_mode & 0o777 == 0o600
    verified = document(concord("verify", file, "--trust-root", served.trust_root, "--json"))
    assert (verified["verdict"], len(verified["lines"])) == ("verified", exported["lines"])


def test_results_in_full_are_signed_for_and_logged(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "full.json"
    exported = document(concord("patient", "export", *served.asking, "-o", file, "--json"))
    assert (exported["in_full"], exported["not_in_full"]) == (1, 0)
    verified = document(concord("verify", file, "--trust-root", served.trust_root, "--json"))
    assert [bool(line["evidence"]["parts"]) for line in verified["lines"] if line["evidence"]] == [True]

    def own() -> list[dict[str, Any]]:
        told = document(concord("patient", "access", *served.asking, "--json"))
        return [line for line in told["lines"] if line["actor"]["role"] == "patient"]

    assert eventually(own, bool)[0]["outcome"] == "disclosed"
    assert "you yourself, with your key" in concord("patient", "access", *served.asking).stdout


def test_the_patient_proves_that_nothing_is_missing(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "completeness.json"
    log = ("--url", f"{served.node.url}/log/{A}", "--trust-root", served.trust_root)
    scan = ("prove-complete", *log, "--patient", served.patient, "--exchange-key", served.node.vkey)
    told = document(concord(*scan, "-o", file, "--json"))
    assert (told["verdict"], told["series"][0]["count"]) == ("complete", 1)
    assert told["series"][1]["count"] >= 2
    bundle = tmp_path / "bundle.json"
    assert concord("patient", "export", *served.asking, "--headers-only", "--completeness", file, "-o", bundle).exit_code == 0
    verified = document(concord("verify", bundle, "--trust-root", served.trust_root, "--json"))
    assert len(verified["completeness"]) == 1


def test_a_node_that_is_away_is_told_and_the_others_are_shown(served: Served) -> None:
    away = concord("patient", "results", *served.asking, "--node", f"{B}.example/log=http://127.0.0.1:1", "--json")
    assert away.exit_code == 1
    assert [trouble["institution"] for trouble in document(away)["troubles"]] == [B]
    assert len(document(away)["lines"]) == 1
    nobody = [word for each in (A, B, REGULATOR) for word in ("--node", f"{each}.example/log=http://127.0.0.1:1")]
    assert concord("patient", "results", *served.asking, *nobody).exit_code == 3
    assert concord("patient", "results", *served.asking, "--node", "x=y").exit_code == 2


def test_the_life_of_a_record_is_told_with_its_proofs(served: Served, tmp_path: Path) -> None:
    access = ("--url", served.node.url, "--api-key", served.keys[A], "--trust-root", served.trust_root)
    told = document(concord("audit", "trail", served.record, *access, "--evidence", tmp_path / "proofs", "--json"))
    assert told["lines"][0]["entry_type"] == "record"
    assert len(told["written"]) == 2
    for file in told["written"]:
        assert concord("verify", file, "--trust-root", served.trust_root).exit_code == 0
    assert "exam-result" in concord("audit", "trail", served.record, *access).stdout


def test_the_regulator_lists_findings_and_hands_out_what_shows_them(served: Served, tmp_path: Path) -> None:
    access = ("--url", served.node.url, "--api-key", served.keys[REGULATOR])
    page = eventually(lambda: document(concord("audit", "findings", *access, "--json")), _is_found)
    assert "requester_alone" in {finding["code"] for finding in page["findings"]}
    assert concord("audit", "findings", *access, "--open", "--lang", "zh").exit_code == 0
    file = tmp_path / "finding.json"
    written = concord("audit", "evidence", page["findings"][0]["finding_id"], *access, "-o", file)
    assert written.exit_code == 0, written.output
    verified = concord("verify", file, "--trust-root", served.trust_root)
    assert verified.exit_code == 0, verified.output
    assert verified.stdout.startswith("FINDING: ")
    refused = concord("audit", "findings", "--url", served.node.url, "--api-key", served.keys[A], "--code", "none")
    assert refused.exit_code == 1


def _is_found(page: dict[str, Any]) -> bool:
    return any(finding["code"] == "requester_alone" for finding in page["findings"])


def test_seed_and_epoch_keys_become_one_file_and_a_new_code_another(served: Served, tmp_path: Path) -> None:
    seed, kept, changed = (tmp_path / name for name in ("seed", "kept.json", "changed.json"))
    assert concord("patient", "new", seed).exit_code == 0
    key = f"1={PATIENT.epoch_keys[1].hex()}"
    assert document(concord("patient", "keep", seed, "--epoch-key", key, "-o", kept, "--json"))["epochs"] == [1]
    assert concord("patient", "keep", seed, "--epoch-key", "1=0", "-o", kept).exit_code == 2
    told = document(concord("patient", "change-code", "--patient", kept, "-o", changed, "--json"))
    assert parse_card(told["card"]).code != b""
    assert parse_patient_file(changed.read_bytes()).epoch_keys == {}
    assert concord("patient", "change-code", "--patient", kept, "-o", changed).exit_code == 2
    kept.chmod(0o644)
    assert concord("patient", "results", *served.asking, "--patient", kept).exit_code == 2
