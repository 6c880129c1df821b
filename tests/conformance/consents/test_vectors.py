"""The vectors of docs/spec/consent.md, computed again from the page alone: hashlib, hmac, libsodium, eth_account."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak
from nacl.signing import SigningKey, VerifyKey

from node.domain.access import ConsentId
from node.domain.consent import ConsentSalt, PresentedConsent
from node.domain.consent_message import ConsentAddress, ScopeDigest
from node.domain.consent_state import ConsentState
from node.domain.entry import InstitutionId
from node.wire.consent.document import encode_consent_document, parse_consent_document
from node.wire.consent.emergency import encode_statement, parse_statement, statement_digest
from node.wire.consent.message import encode_signed_message, parse_signed_message
from node.wire.consent.scopes import verify_presented
from node.wire.consent.text import parse_scope

VECTOR = Path(__file__).parents[1] / "vectors" / "wire" / "consent.json"
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture(scope="module")
def vector() -> dict[str, Any]:
    return dict(json.loads(VECTOR.read_bytes()))


def unhex(vector: dict[str, Any], *path: str) -> bytes:
    value: Any = vector
    for name in path:
        value = value[name]
    return bytes.fromhex(value)


def expand(key: bytes, info: bytes, length: int) -> bytes:
    output, block, counter = b"", b"", 1
    while len(output) < length:
        block = hmac.digest(key, block + info + bytes([counter]), "sha256")
        output, counter = output + block, counter + 1
    return output[:length]


def patient_signing_key(seed: bytes) -> SigningKey:
    return SigningKey(expand(hmac.digest(bytes(32), seed, "sha256"), b"concord/patient-signing-key/v1", 32))


def compact(tree: object) -> bytes:
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode()


def text(value: str) -> bytes:
    return len(value.encode()).to_bytes(2, "big") + value.encode()


def test_the_key_of_a_consent(vector: dict[str, Any]) -> None:
    secret = hmac.digest(bytes(32), unhex(vector, "seed"), "sha256")
    wide = expand(secret, b"concord/consent-key/v1" + unhex(vector, "consent_id"), 48)
    key = (int.from_bytes(wide, "big") % (ORDER - 1) + 1).to_bytes(32, "big")
    assert key == unhex(vector, "consent_key")
    assert Account.from_key(key).address.lower() == f"0x{vector['consent_address']}"


@pytest.mark.parametrize("by", ["patient", "asserted"])
def test_the_digest_of_a_scope(vector: dict[str, Any], by: str) -> None:
    content = vector[by]["scope"].encode()
    digest = hashlib.sha256(b"concord/consent/v1" + unhex(vector, "salt") + content).digest()
    assert digest == unhex(vector, by, "scope_digest")
    assert compact(json.loads(content)) == content


def test_the_patients_signature(vector: dict[str, Any]) -> None:
    scope = json.loads(vector["patient"]["scope"])
    message = b"concord/consent-signature/v1" + unhex(vector, "consent_id") + unhex(vector, "consent_address")
    signature = bytes.fromhex(scope["authority"]["signature"])
    key = patient_signing_key(unhex(vector, "seed"))
    assert key.sign(message + compact(scope["terms"])).signature == signature


def test_the_institutions_signature_and_the_patients_tag(vector: dict[str, Any]) -> None:
    scope = json.loads(vector["asserted"]["scope"])
    authority = scope["authority"]
    tag = hmac.digest(unhex(vector, "epoch_key"), unhex(vector, "consent_id"), "sha256")
    assert tag.hex() == authority["patient_tag"]
    message = b"".join(
        (
            b"concord/asserted-consent/v1",
            unhex(vector, "consent_id"),
            text(authority["institution"]),
            authority["epoch"].to_bytes(4, "big"),
            tag,
            text(authority["document"]["origin"]),
            bytes.fromhex(authority["document"]["leaf_hash"]),
            compact(scope["terms"]),
        )
    )
    key = SigningKey(unhex(vector, "request_key_seed")).verify_key
    VerifyKey(bytes(key)).verify(message, bytes.fromhex(authority["signature"]))


def typed(vector: dict[str, Any], kind: str, members: dict[str, str], values: dict[str, Any]) -> Any:  # noqa: ANN401 - eth_account
    domain = {
        "name": "Concord Consents",
        "version": "1",
        "chainId": vector["chain_id"],
        "verifyingContract": f"0x{vector['contract']}",
    }
    return encode_typed_data(domain, {kind: [{"name": name, "type": of} for name, of in members.items()]}, values)


def test_the_messages_to_the_chain(vector: dict[str, Any]) -> None:
    patient, terms = vector["patient"], json.loads(vector["patient"]["scope"])["terms"]
    members = {"id": "bytes32", "scope": "bytes32", "expiresAt": "uint64"}
    values = {
        "id": unhex(vector, "consent_id"),
        "scope": unhex(vector, "patient", "scope_digest"),
        "expiresAt": terms["expires_at_s"],
    }
    revocation = json.loads(patient["revocation"])
    for message, digest, signature in (
        (typed(vector, "Grant", members, values), patient["grant_digest"], patient["grant"]),
        (typed(vector, "Revoke", {"id": "bytes32"}, {"id": values["id"]}), patient["revoke_digest"], revocation),
    ):
        assert keccak(b"\x19\x01" + message.header + message.body).hex() == digest
        signed = Account.from_key(unhex(vector, "consent_key")).sign_message(message)
        assert (signed.v, f"{signed.r:064x}", f"{signed.s:064x}") == (signature["v"], signature["r"], signature["s"])


def test_the_node_reads_what_the_vectors_hold(vector: dict[str, Any]) -> None:
    consent, salt = ConsentId(unhex(vector, "consent_id")), ConsentSalt(unhex(vector, "salt"))
    for by in ("patient", "asserted"):
        content = vector[by]["scope"].encode()
        key = ConsentAddress(unhex(vector, "consent_address")) if by == "patient" else None
        granter = None if by == "patient" else InstitutionId("hospital-a")
        expires_at_s = parse_scope(content).terms.expires_at_s
        state = ConsentState(consent, ScopeDigest(unhex(vector, by, "scope_digest")), key, granter, expires_at_s, None)
        verified = verify_presented(
            PresentedConsent(consent, salt, content),
            state,
            patient_signing_key=bytes(patient_signing_key(unhex(vector, "seed")).verify_key),
            epoch_keys={1: unhex(vector, "epoch_key")},
            request_keys_of=lambda _: [bytes(SigningKey(unhex(vector, "request_key_seed")).verify_key)],
        )
        assert verified.asserted_by == granter
    document = vector["asserted"]["document"].encode()
    assert encode_consent_document(parse_consent_document(document)) == document
    revocation = vector["patient"]["revocation"].encode()
    assert encode_signed_message(parse_signed_message(revocation)) == revocation


def test_emergencies(vector: dict[str, Any]) -> None:
    emergency = vector["emergency"]
    salt, statement = bytes.fromhex(emergency["salt"]), emergency["statement"].encode()
    digest = hashlib.sha256(b"concord/emergency/v1" + salt + statement).digest()
    assert digest == statement_digest(salt, statement) == bytes.fromhex(emergency["digest"])
    identity, review = bytes.fromhex(emergency["emergency_id"]), emergency["review"].encode()
    reviewed = hashlib.sha256(b"concord/emergency-review/v1" + salt + identity + review).digest()
    assert reviewed.hex() == emergency["review_digest"]
    tag = hmac.digest(unhex(vector, "epoch_key"), identity, "sha256")
    assert json.loads(statement)["patient_tag"] == tag.hex()
    assert encode_statement(parse_statement(statement)) == statement
