from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ledger.notes import NoteSigner
from node.wire.trust_root import sign_trust_root
from tests.unit.cli_commands.conftest import Concord, lasting_root
from tests.unit.evidence_verify.world import SIGNERS, A


def test_show_lists_what_is_pinned(concord: Concord, trust_root: Path) -> None:
    document = json.loads(concord("trust", "show", trust_root, "--json").stdout)
    assert (document["serial"], document["threshold"], document["expired"]) == (3, 2, False)
    assert A in [log["origin"] for log in document["logs"]]
    assert len(document["signers"]) == 3
    text = concord("trust", "show", trust_root)
    assert (text.exit_code, A in text.stdout) == (0, True)


def test_an_expired_trust_root_is_shown_and_refused(concord: Concord, trust_root: Path) -> None:
    trust_root.write_bytes(sign_trust_root(replace(lasting_root(), expires_at=datetime(2020, 1, 1, tzinfo=UTC)), SIGNERS))
    result = concord("trust", "show", trust_root, "--json")
    assert (result.exit_code, json.loads(result.stdout)["expired"]) == (1, True)


def test_a_successor_replaces_its_predecessor(concord: Concord, trust_root: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.write_bytes(sign_trust_root(replace(lasting_root(), serial=4), SIGNERS))
    before = trust_root.read_bytes()
    checked = concord("trust", "update", trust_root, new, "--check", "--json")
    assert (checked.exit_code, trust_root.read_bytes()) == (0, before)
    assert json.loads(checked.stdout)["replaced"] is None
    assert concord("trust", "update", trust_root, new).exit_code == 0
    assert trust_root.read_bytes() == new.read_bytes()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_an_update_that_is_not_newer_or_not_signed_changes_nothing(concord: Concord, trust_root: Path, tmp_path: Path) -> None:
    new, before = tmp_path / "new", trust_root.read_bytes()
    strangers = [NoteSigner.from_seed(f"stranger-{n}.example", bytes([90 + n]) * 32) for n in range(2)]
    own = replace(lasting_root(), serial=9, signers=tuple(each.verifier_key for each in strangers), threshold=2)
    for content, error in (
        (before, "TrustRootSerialError"),
        (sign_trust_root(own, strangers), "TrustRootSignatureError"),
        (sign_trust_root(own, [*strangers, SIGNERS[0]]), "TrustRootSignatureError"),
    ):
        new.write_bytes(content)
        result = concord("trust", "update", trust_root, new, "--json")
        assert (result.exit_code, json.loads(result.stdout)["error"]) == (1, error)
    new.write_bytes(b"nonsense")
    assert concord("trust", "update", trust_root, new).exit_code == 2
    assert trust_root.read_bytes() == before
