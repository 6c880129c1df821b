from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ledger.notes import encode_verifier_key
from ledger.sequencer import Sequencer
from ledger.store.posix import PosixLogStore, create_posix_log
from node.cli.main import app
from node.domain.trust import TrustRoot
from node.wire.trust_root import sign_trust_root
from tests.simulators import ORIGIN, SIGNER, ScriptedGuard
from tests.unit.evidence_verify.world import SIGNERS, make_root

ENTRIES = [b"entry %d" % number for number in range(600)]
VKEY = encode_verifier_key(SIGNER.verifier_key)

Concord = Callable[..., Result]


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take nothing from whoever runs the tests."""
    for name in (
        "LC_ALL",
        "LC_MESSAGES",
        "LANG",
        "CONCORD_URL",
        "CONCORD_API_KEY",
        "CONCORD_DIR",
        "CONCORD_TRUST_ROOT",
        "CONCORD_RPC",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def concord() -> Concord:
    """Run `concord` with words as arguments."""
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def lasting_root() -> TrustRoot:
    """Return the consortium's trust root, valid for as long as these tests are run."""
    return replace(make_root(), expires_at=datetime(2100, 1, 1, tzinfo=UTC))


@pytest.fixture
def trust_root(tmp_path: Path) -> Path:
    path = tmp_path / "trust-root.note"
    path.write_bytes(sign_trust_root(lasting_root(), SIGNERS))
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Grow a log of 600 entries: two full bundles, a partial one, two levels of tiles."""
    root = tmp_path / "log"
    create_posix_log(root, ORIGIN)
    with PosixLogStore(root, ORIGIN) as store:
        store.stage(ENTRIES)
        Sequencer(SIGNER, ScriptedGuard()).step(store, len(ENTRIES))
    return root
