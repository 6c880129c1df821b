"""Signatures of requests and answers: RFC 9421's own Ed25519 vector, and ours, checked by hand-built signature bases."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey, VerifyKey

from node.errors import AlteredRequestError
from node.wire.members.http_signature import (
    SignatureTag,
    SignatureTerms,
    SignatureWindow,
    SignedRequest,
    SignedResponse,
    key_id_of,
    sign_request,
    sign_response,
    target_uri,
    verify_request,
    verify_response,
)

VECTOR: Any = json.loads((Path(__file__).parents[1] / "vectors" / "http-signatures" / "exchange.json").read_text(encoding="utf-8"))
NOW = datetime.fromtimestamp(VECTOR["created"] + 10, UTC)
WINDOW = SignatureWindow(30, 60)
KEYS = {side: SigningKey(bytes.fromhex(VECTOR["seeds"][side])) for side in ("requester", "holder")}


class Signing:
    """Signs as one side, and keeps what it signed."""

    def __init__(self, side: str) -> None:
        self.side = side
        self.bases: list[list[str]] = []

    def __call__(self, base: bytes) -> bytes:
        self.bases.append(base.decode().split("\n"))
        return bytes(KEYS[self.side].sign(base).signature)


def terms(side: str) -> SignatureTerms:
    key_id = key_id_of(VECTOR["institutions"][side], bytes(KEYS[side].verify_key))
    return SignatureTerms(SignatureTag.RETRIEVE, key_id, VECTOR["created"], VECTOR["created"] + 60, VECTOR["nonces"][side])


def request(headers: dict[str, str] | None = None) -> SignedRequest:
    uri = target_uri(VECTOR["endpoint"], VECTOR["path"])
    return SignedRequest("POST", uri, {"content-type": "application/json"} | (headers or {}), VECTOR["body"].encode())


def test_the_vector_of_the_rfc_verifies_by_hand_and_by_the_rules_used_here() -> None:
    """RFC 9421, appendix B.2.6: its base, key and signature, by the primitive that `node.wire.members.http_signature` uses."""
    known = VECTOR["rfc9421_b26"]
    key = base64.urlsafe_b64decode(known["public_key_x"] + "=")
    VerifyKey(key).verify(known["base"].encode(), base64.b64decode(known["signature"]))


def test_the_base_of_a_request_is_what_the_rfc_says() -> None:
    signing = Signing("requester")
    added = sign_request(request(), terms("requester"), signing)
    assert signing.bases == [VECTOR["request_base"]]
    assert added == VECTOR["request_headers"]
    digest = base64.b64encode(hashlib.sha256(VECTOR["body"].encode()).digest()).decode()
    assert added["content-digest"] == f"sha-256=:{digest}:"


def test_the_base_of_an_answer_binds_it_to_its_request() -> None:
    content = VECTOR["answer_body"].encode()
    answer = SignedResponse(200, {"content-type": "application/json"}, hashlib.sha256(content).digest())
    asked = request(VECTOR["request_headers"])
    signing = Signing("holder")
    added = sign_response(answer, asked, terms("holder"), signing)
    assert signing.bases == [VECTOR["answer_base"]]
    assert added == VECTOR["answer_headers"]
    signed = SignedResponse(200, {"content-type": "application/json"} | added, answer.body_sha256)
    verify_response(signed, asked, bytes(KEYS["holder"].verify_key), NOW, WINDOW)


def test_the_committed_request_verifies_and_only_for_its_address() -> None:
    asked = request(VECTOR["request_headers"])
    verify_request(asked, SignatureTag.RETRIEVE, bytes(KEYS["requester"].verify_key), NOW, WINDOW)
    moved = SignedRequest("POST", target_uri("https://other.example", VECTOR["path"]), asked.headers, asked.body)
    with pytest.raises(AlteredRequestError):
        verify_request(moved, SignatureTag.RETRIEVE, bytes(KEYS["requester"].verify_key), NOW, WINDOW)


SMALL_ORDER = ["00" * 32, "01" + "00" * 31, "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"]


@pytest.mark.parametrize("key", SMALL_ORDER)
def test_a_key_of_small_order_signs_nothing(key: str) -> None:
    """Under such a key the all-zero signature with R of small order would verify for many messages."""
    forged = dict(VECTOR["request_headers"])
    forged["signature"] = "concord=:" + base64.b64encode(bytes.fromhex(key) + bytes(32)).decode() + ":"
    with pytest.raises(AlteredRequestError):
        verify_request(request(forged), SignatureTag.RETRIEVE, bytes.fromhex(key), NOW, WINDOW)


URIS = [
    ("https://node-a.example", "/v1/inbox", "https://node-a.example/v1/inbox"),
    ("https://Node-A.example:443/", "/v1/inbox?a=%20b", "https://node-a.example/v1/inbox?a=%20b"),
    ("http://node-a.example:8080/concord/", "/v1/inbox", "http://node-a.example:8080/concord/v1/inbox"),
    ("http://[2001:DB8::1]:80", "/", "http://[2001:db8::1]/"),
]


@pytest.mark.parametrize(("endpoint", "path", "expected"), URIS, ids=[expected for _, _, expected in URIS])
def test_the_target_is_the_registered_address_in_its_normal_form(endpoint: str, path: str, expected: str) -> None:
    assert target_uri(endpoint, path) == expected
