"""`concord verify` on the files that a patient hands out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from node.wire.evidence.bundle import encode_bundle_file
from tests.unit.cli_commands.conftest import Concord
from tests.unit.patient_bundle.bundles import make_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "bundle.json"
    path.write_bytes(encode_bundle_file(make_bundle()))
    return path


@pytest.fixture
def completeness(tmp_path: Path) -> Path:
    path = tmp_path / "completeness.json"
    path.write_bytes(make_bundle().completeness[0])
    return path


def test_a_bundle_is_said_line_by_line(concord: Concord, bundle: Path, trust_root: Path) -> None:
    result = concord("verify", bundle, "--trust-root", trust_root)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "VERIFIED: patient's bundle with 3 lines"
    results, consents, access, other = (
        lines.index(heading) for heading in ("Results", "Consents", "Who looked, and who asked", "Other entries")
    )
    assert "exam-result" in lines[results + 1]
    assert "hospital-b.example may read for treatment" in lines[consents + 1]
    assert "hospital-b.example (0301, staff 4711), treatment: read, logged by hospital-a.example as holder" in lines[access + 1]
    assert lines[other + 1].strip() == "nothing"
    assert "CONTIGUOUS" in lines


def test_a_bundle_is_said_in_chinese(concord: Concord, bundle: Path, trust_root: Path) -> None:
    result = concord("verify", bundle, "--trust-root", trust_root, "--lang", "zh")
    assert result.exit_code == 0
    assert "谁看过、谁请求过" in result.stdout


def test_programs_get_the_same_as_one_document(concord: Concord, bundle: Path, trust_root: Path) -> None:
    document = json.loads(concord("verify", bundle, "--trust-root", trust_root, "--json").stdout)
    assert (document["verdict"], document["about"]) == ("verified", "patient-bundle")
    assert [line["section"] for line in document["lines"]] == ["results", "consents", "access"]
    assert document["lines"][0]["evidence"]["verdict"] == "verified"
    assert document["lines"][2]["actor"]["staff"] == "4711"


def test_contiguity_is_said_with_what_it_does_not_show(concord: Concord, completeness: Path, trust_root: Path) -> None:
    result = concord("verify", completeness, "--trust-root", trust_root)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "CONTIGUOUS"
    assert "a file cannot show that" in result.stdout


def test_what_does_not_hold_is_refuted_and_what_cannot_be_read_is_unreadable(
    concord: Concord, bundle: Path, completeness: Path, trust_root: Path
) -> None:
    document = json.loads(bundle.read_bytes())
    document["lines"][2]["header"], document["lines"][2]["data_key"] = (
        document["lines"][1][name] for name in ("header", "data_key")
    )
    bundle.write_text(json.dumps(document))
    refuted = concord("verify", bundle, "--trust-root", trust_root, "--json")
    assert (refuted.exit_code, json.loads(refuted.stdout)["error"]) == (1, "BundleLineError")
    completeness.write_bytes(b'{"format":"concord/completeness","version":1}')
    unreadable = concord("verify", completeness, "--trust-root", trust_root, "--json")
    assert (unreadable.exit_code, json.loads(unreadable.stdout)["error"]) == (2, "MalformedCompletenessError")


@pytest.mark.parametrize("option", ["--rpc=http://127.0.0.1:1", "--max-age=24h"])
def test_options_of_evidence_are_wrong_usage_here(concord: Concord, bundle: Path, trust_root: Path, option: str) -> None:
    assert concord("verify", bundle, "--trust-root", trust_root, option).exit_code == 2


def test_brackets_cost_no_stack(concord: Concord, bundle: Path, trust_root: Path) -> None:
    bundle.write_bytes(b'{"format":"concord/patient-bundle","version":1,"x":' + b"[" * 100_000)
    assert concord("verify", bundle, "--trust-root", trust_root).exit_code == 2
