"""Ed25519 as the ledger verifies it, against Project Wycheproof."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.errors import SignatureError
from ledger.notes import ED25519, make_verifier_key, verify_ed25519
from tests.conformance.ledger_formats.vectors import read_json

GROUPS = read_json("wycheproof/ed25519_test.json")["testGroups"]
CASES = [(group["publicKey"]["pk"], case) for group in GROUPS for case in group["tests"]]


@pytest.mark.parametrize(("public_key", "case"), CASES, ids=[f"tc{case['tcId']}" for _, case in CASES])
def test_verdict(public_key: str, case: dict[str, Any]) -> None:
    key = make_verifier_key("wycheproof.example", ED25519, bytes.fromhex(public_key))
    signature, message = bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"])
    if case["result"] == "valid":
        verify_ed25519(key, signature, message)
    else:
        with pytest.raises(SignatureError):
            verify_ed25519(key, signature, message)


def test_all_cases_are_here() -> None:
    assert len(CASES) == 151
    assert {case["result"] for _, case in CASES} == {"valid", "invalid"}
