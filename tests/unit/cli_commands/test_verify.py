from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from node import errors
from node.cli.options import Language
from node.cli.texts import language_of
from node.wire.evidence.file import encode_evidence, parse_evidence
from node.wire.trust_root import sign_trust_root
from tests.unit.cli_commands.conftest import Concord, lasting_root
from tests.unit.evidence_verify.world import SIGNERS, A, B, make_entry, make_evidence

TEXTS = Path(__file__).parents[3] / "node" / "texts"


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    path = tmp_path / "evidence.json"
    path.write_bytes(encode_evidence(make_evidence()))
    return path


def test_evidence_that_holds_is_verified_in_words(concord: Concord, evidence: Path, trust_root: Path) -> None:
    result = concord("verify", evidence, "--trust-root", trust_root)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "VERIFIED"
    assert f"log {A}" in lines[1]
    proved, not_proved = lines[lines.index("Proved:") : lines.index("Not proved:")], lines[lines.index("Not proved:") :]
    assert any("byte for byte" in line for line in proved)
    assert not any("chain holds" in line for line in proved)
    assert any("unchecked; check it with --rpc" in line for line in not_proved)


def test_an_anchor_that_nobody_checked_is_never_a_level(concord: Concord, evidence: Path, trust_root: Path) -> None:
    document = json.loads(concord("verify", evidence, "--trust-root", trust_root, "--json").stdout)
    assert document["verdict"] == "verified"
    assert (document["level"], document["anchor"], document["witnessed"]) == ("logged", "stated", True)
    assert {"proved", "not_proved", "remarks", "as_of", "as_of_basis", "origin", "leaf_index"} <= set(document)


@pytest.mark.parametrize(("language", "heading"), [("en", "VERIFIED"), ("zh", "验证通过")])
def test_it_speaks_the_language_that_is_asked_for(
    concord: Concord, evidence: Path, trust_root: Path, language: str, heading: str
) -> None:
    result = concord("verify", evidence, "--trust-root", trust_root, "--lang", language)
    assert result.stdout.splitlines()[0] == heading


def test_the_environment_chooses_the_language() -> None:
    assert language_of({"LANG": "zh_CN.UTF-8"}) is Language.ZH
    assert language_of({"LC_ALL": "en_GB.UTF-8", "LANG": "zh_CN.UTF-8"}) is Language.EN
    assert language_of({"LC_ALL": "", "LC_MESSAGES": "zh_TW"}) is Language.ZH
    assert language_of({}) is Language.EN


def test_an_altered_part_is_refuted_by_name(concord: Concord, evidence: Path, trust_root: Path) -> None:
    real = parse_evidence(evidence.read_bytes())
    first = real.parts[0]
    altered = replace(real, parts=(replace(first, content=first.content.replace(b"final", b"finam")), *real.parts[1:]))
    assert altered != real
    evidence.write_bytes(encode_evidence(altered))
    result = concord("verify", evidence, "--trust-root", trust_root, "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert (document["verdict"], document["error"]) == ("refuted", "OpeningRefutedError")
    assert result.stderr.startswith(f"error: part {first.number} ")


def test_a_lifted_commitment_is_refuted_by_name(concord: Concord, tmp_path: Path, trust_root: Path) -> None:
    path = tmp_path / "lifted.json"
    path.write_bytes(encode_evidence(make_evidence(make_entry(A), origin=B, anchored=None)))
    result = concord("verify", path, "--trust-root", trust_root)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == "REFUTED (ForeignManifestError)"


def test_evidence_that_is_not_proved_recent_is_too_old(concord: Concord, evidence: Path, trust_root: Path) -> None:
    result = concord("verify", evidence, "--trust-root", trust_root, "--max-age", "24h", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"] == "EvidenceTooOldError"
    assert concord("verify", evidence, "--trust-root", trust_root, "--max-age", "9999999d").exit_code == 0


@pytest.mark.parametrize("age", ["24", "h", "-1h", "0h", "1.5h", "24 h", "1w", ""])
def test_an_age_that_is_none_is_wrong_usage(concord: Concord, evidence: Path, trust_root: Path, age: str) -> None:
    result = concord("verify", evidence, "--trust-root", trust_root, f"--max-age={age}")
    assert result.exit_code == 2
    assert "90s, 30m, 24h or 7d" in result.stderr


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"format":"concord/evidence","version":2}'])
def test_what_is_no_evidence_is_unreadable(concord: Concord, evidence: Path, trust_root: Path, content: bytes) -> None:
    evidence.write_bytes(content)
    result = concord("verify", evidence, "--trust-root", trust_root, "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["verdict"] == "unreadable"
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("error: ")


def test_a_missing_file_is_unreadable(concord: Concord, evidence: Path, trust_root: Path) -> None:
    for arguments in ((evidence.with_name("none"), trust_root), (evidence, trust_root.with_name("none"))):
        result = concord("verify", arguments[0], "--trust-root", arguments[1], "--json")
        assert result.exit_code == 2
        assert json.loads(result.stdout)["error"] == "FileNotFoundError"


def test_an_unsigned_or_expired_trust_root_decides_nothing(concord: Concord, evidence: Path, trust_root: Path) -> None:
    root = lasting_root()
    trust_root.write_bytes(sign_trust_root(root, SIGNERS[:1]))
    result = concord("verify", evidence, "--trust-root", trust_root, "--json")
    assert (result.exit_code, json.loads(result.stdout)["error"]) == (1, "TrustRootSignatureError")
    trust_root.write_bytes(sign_trust_root(replace(root, expires_at=datetime(2026, 1, 1, tzinfo=UTC)), SIGNERS))
    result = concord("verify", evidence, "--trust-root", trust_root, "--json")
    assert (result.exit_code, json.loads(result.stdout)["verdict"]) == (1, "undecided")


def test_both_languages_say_the_same_things() -> None:
    english, chinese = (tomllib.loads((TEXTS / f"{name}.toml").read_text(encoding="utf-8")) for name in ("en", "zh"))
    assert {table: set(texts) for table, texts in english.items()} == {table: set(texts) for table, texts in chinese.items()}
    placeholders = {table: {key: text.count("{") for key, text in texts.items()} for table, texts in english.items()}
    assert placeholders == {table: {key: text.count("{") for key, text in texts.items()} for table, texts in chinese.items()}


def test_every_refutation_has_words() -> None:
    words = tomllib.loads((TEXTS / "en.toml").read_text(encoding="utf-8"))["refused"]
    assert {kind.__name__ for kind in errors.EvidenceRefutedError.__subclasses__()} <= set(words)
    assert all(hasattr(errors, name) for name in words), "words for an error that does not exist"
