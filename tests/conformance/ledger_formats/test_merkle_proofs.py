"""Every case of transparency-dev/merkle, valid and broken, gets the verdict that its authors gave it."""

from __future__ import annotations

from base64 import b64decode
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

from ledger.errors import ConsistencyError, InclusionError, VerificationError
from ledger.hashing import LeafHash, NodeHash, RootHash
from ledger.proofs import verify_consistency, verify_inclusion
from tests.conformance.ledger_formats.vectors import read_json

INCLUSION = read_json("merkle-rfc6962/inclusion.json")
CONSISTENCY = read_json("merkle-rfc6962/consistency.json")


def verdict(case: dict[str, Any], error: type[VerificationError]) -> AbstractContextManager[object]:
    return pytest.raises(error) if case["wantErr"] else nullcontext()


def path_of(case: dict[str, Any]) -> list[NodeHash]:
    return [NodeHash(b64decode(each)) for each in case["proof"] or ()]


@pytest.mark.parametrize("case", INCLUSION.values(), ids=INCLUSION)
def test_inclusion(case: dict[str, Any]) -> None:
    with verdict(case, InclusionError):
        verify_inclusion(
            index=case["leafIdx"],
            size=case["treeSize"],
            leaf=LeafHash(b64decode(case["leafHash"])),
            proof=path_of(case),
            root=RootHash(b64decode(case["root"])),
        )


@pytest.mark.parametrize("case", CONSISTENCY.values(), ids=CONSISTENCY)
def test_consistency(case: dict[str, Any]) -> None:
    with verdict(case, ConsistencyError):
        verify_consistency(
            old_size=case["size1"],
            new_size=case["size2"],
            old_root=RootHash(b64decode(case["root1"])),
            new_root=RootHash(b64decode(case["root2"])),
            proof=path_of(case),
        )


def test_the_vectors_hold_both_verdicts() -> None:
    for cases in (INCLUSION, CONSISTENCY):
        assert {case["wantErr"] for case in cases.values()} == {True, False}
