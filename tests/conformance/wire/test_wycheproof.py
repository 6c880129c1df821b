from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nacl.bindings import crypto_scalarmult

from node.errors import BodySealError
from node.identity.hkdf import expand_block, hkdf_expand, hkdf_extract
from node.wire.commitment import BodyPart, commit, open_body, seal_body
from node.wire.locator import pairwise_key

VECTORS = Path(__file__).parents[1] / "vectors" / "wycheproof-node"


def cases(name: str) -> Iterator[dict[str, Any]]:
    for group in json.loads((VECTORS / name).read_bytes())["testGroups"]:
        yield from group["tests"]


def test_hkdf() -> None:
    checked = 0
    for test in cases("hkdf_sha256_test.json"):
        material, salt, info = (bytes.fromhex(test[name]) for name in ("ikm", "salt", "info"))
        if test["result"] == "invalid":
            with pytest.raises(ValueError, match="HKDF-SHA256 gives"):
                hkdf_expand(hkdf_extract(salt, material), info, test["size"])
        else:
            okm = hkdf_expand(hkdf_extract(salt, material), info, test["size"])
            assert okm.hex() == test["okm"], test["tcId"]
            if test["size"] == 32:
                assert expand_block(hkdf_extract(salt, material), info) == okm
        checked += 1
    assert checked > 80


def test_x25519_behind_pairwise_keys() -> None:
    checked = refused = 0
    for test in cases("x25519_test.json"):
        private, public = bytes.fromhex(test["private"]), bytes.fromhex(test["public"])
        if test["shared"] == "00" * 32:
            # such a public key would give everyone the same pairwise key
            with pytest.raises(ValueError, match="small order"):
                pairwise_key(private, public)
            refused += 1
        else:
            assert crypto_scalarmult(private, public).hex() == test["shared"], test["tcId"]
            assert len(pairwise_key(private, public)) == 32
        checked += 1
    assert checked > 500
    assert refused > 20


def test_aes_gcm_as_the_body_uses_it() -> None:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as the node does
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - as the node does

    checked = 0
    for test in cases("aes_gcm_test.json"):
        key, nonce, aad, message = (bytes.fromhex(test[name]) for name in ("key", "iv", "aad", "msg"))
        sealed = bytes.fromhex(test["ct"] + test["tag"])
        if test["result"] == "valid":
            assert AESGCM(key).encrypt(nonce, message, aad) == sealed
        else:
            with pytest.raises(InvalidTag):
                AESGCM(key).decrypt(nonce, sealed, aad)
        checked += 1
    assert checked > 60


def test_a_body_is_refused_under_another_commitment() -> None:
    secret, parts = bytes(32), [BodyPart("text/plain", "", b"x")]
    value = commit(secret, parts).value
    with pytest.raises(BodySealError):
        open_body(secret, seal_body(secret, value, parts), bytes(32))
