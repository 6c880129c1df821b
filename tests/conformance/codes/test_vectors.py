"""The committed vectors of cards, relocations and locator secrets, opened by the pages of docs/spec alone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_box_seal_open,
    crypto_scalarmult_base,
    crypto_sign_open,
)

from node.domain.access import ConsentId
from node.domain.codes import CustodianPair, DocumentMac
from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin, RecordId, Version
from node.domain.header import HeaderContent, RelocationContent
from node.domain.record import Kind, RecordStatus
from node.domain.relocation import RelocationReason
from node.errors import CardSealError, LocatorSecretRefusedError, MalformedRelocationError, MalformedSealedCardError
from node.identity.code_custody import encode_sealed_card, open_card, parse_sealed_card
from node.wire.patient.locator_secret import parse_locator_secret, signed_bytes, verify_locator_secret
from node.wire.relocation import parse_relocation_part, relocation_part

VECTORS = Path(__file__).parents[1] / "vectors" / "codes"
BOX_BYTES = 128


def vector(name: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def unseal(box: bytes, private: bytes) -> bytes:
    return crypto_box_seal_open(box, crypto_scalarmult_base(private), private)


def test_any_two_custodians_open_a_card_and_one_does_not() -> None:
    case = vector("sealed-card.json")
    keys = {name: bytes.fromhex(key) for name, key in case["custodian_keys"].items()}
    data, document = bytes.fromhex(case["sealed_card"]), bytes.fromhex(case["document_mac"])
    nonce, length = data[1:25], int.from_bytes(data[25:27], "big")
    ciphertext, at = data[27 : 27 + length], 28 + length
    opened = []
    for _ in range(data[27 + length]):
        names = []
        for _ in range(2):
            names.append(data[at + 1 : at + 1 + data[at]].decode())
            at += 1 + data[at]
        outer, inner = names
        key = unseal(unseal(data[at : at + BOX_BYTES], keys[outer]), keys[inner])
        opened.append(crypto_aead_xchacha20poly1305_ietf_decrypt(ciphertext, document, nonce, key).hex())
        at += BOX_BYTES
    assert (at, data[0]) == (len(data), 1)
    assert opened == [case["card"]] * 3


def test_the_module_reads_and_writes_the_same_card() -> None:
    case = vector("sealed-card.json")
    data, document = bytes.fromhex(case["sealed_card"]), DocumentMac(bytes.fromhex(case["document_mac"]))
    sealed = parse_sealed_card(data)
    assert encode_sealed_card(sealed) == data
    keys = {name: bytes.fromhex(key) for name, key in case["custodian_keys"].items()}
    pair = CustodianPair(InstitutionId("hospital-a"), InstitutionId("code-service"))
    key = unseal(unseal(sealed.boxes[pair], keys["hospital-a"]), keys["code-service"])
    card = open_card(sealed, document, key)
    assert (card.code + card.public_keys.exchange + card.public_keys.signing).hex() == case["card"]
    for other in (DocumentMac(bytes(32)), document):
        with pytest.raises(CardSealError):
            open_card(sealed, other, key if other != document else bytes(32))
    for broken in (data[:-1], data + b"\0", data[:30]):
        with pytest.raises(MalformedSealedCardError):
            parse_sealed_card(broken)


def test_relocation() -> None:
    case = vector("relocation.json")
    target = LeafReference(Origin(case["origin"]), bytes.fromhex(case["leaf_hash"]))
    consent_id = ConsentId(bytes.fromhex(case["consent_id"]))
    record = HeaderContent(Kind("exam-result"), RecordId("r"), Version(1), RecordStatus("final"), 0, (), "", (), None)
    content = RelocationContent(target, case["target_type"], case["reason"], consent_id, record)
    assert relocation_part(content).content.decode() == case["part"]
    parsed = parse_relocation_part(case["part"].encode())
    assert parsed == (target, EntryType.RECORD, RelocationReason.LABEL, consent_id)
    with pytest.raises(MalformedRelocationError):
        parse_relocation_part(case["part"].replace("label", "whim").encode())


def test_locator_secret() -> None:
    case = vector("locator-secret.json")
    said = case["file"]
    digest = hashlib.sha256()
    for name, box in sorted(said["boxes"].items()):
        for piece in (name.encode(), bytes.fromhex(box)):
            digest.update(len(piece).to_bytes(4, "big") + piece)
    issuer = said["issuer"].encode()
    message = b"concord/locator-secret/v1" + said["epoch"].to_bytes(4, "big") + said["created_at_ms"].to_bytes(8, "big")
    message += len(issuer).to_bytes(4, "big") + issuer + digest.digest()
    key = bytes.fromhex(case["request_public_key"])
    assert crypto_sign_open(bytes.fromhex(said["signature"]) + message, key) == message
    for name, private in case["exchange_keys"].items():
        assert unseal(bytes.fromhex(said["boxes"][name]), bytes.fromhex(private)).hex() == case["secret"]
    file, signature = parse_locator_secret(json.dumps(said).encode())
    assert signed_bytes(file) == message
    verify_locator_secret(file, signature, (bytes(32), key))
    with pytest.raises(LocatorSecretRefusedError):
        verify_locator_secret(file, signature, (bytes(32),))
