"""The record formats once more, straight from docs/spec, sharing no code with `node`: what the vectors were made with.

`python -m tests.conformance.wire.reference` writes them again. Hashes come from hashlib, HMAC is spelled out, XChaCha20
is built from HChaCha20 (below) and OpenSSL's ChaCha20-Poly1305, where the node uses libsodium's.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Sequence
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from nacl.bindings import crypto_box

VECTORS = Path(__file__).parents[1] / "vectors" / "wire"


def seeded(label: str, length: int = 32) -> bytes:
    """Bytes that look random, named by a label."""
    return b"".join(sha256(f"concord vector {label} {at}".encode()).digest() for at in range(length // 32 + 1))[:length]


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    block = (key if len(key) <= 64 else sha256(key).digest()).ljust(64, b"\0")
    inner = sha256(bytes(byte ^ 0x36 for byte in block) + message).digest()
    return sha256(bytes(byte ^ 0x5C for byte in block) + inner).digest()


def hkdf_extract(salt: bytes, material: bytes) -> bytes:
    return hmac_sha256(salt, material)


def hkdf_expand(key: bytes, info: bytes, length: int = 32) -> bytes:
    output, block, counter = b"", b"", 1
    while len(output) < length:
        block = hmac_sha256(key, block + info + bytes([counter]))
        output, counter = output + block, counter + 1
    return output[:length]


def hkdf(material: bytes, info: bytes, salt: bytes = b"") -> bytes:
    return hkdf_expand(hkdf_extract(salt, material), info)


def u16(value: int) -> bytes:
    return value.to_bytes(2, "big")


def u32(value: int) -> bytes:
    return value.to_bytes(4, "big")


def u64(value: int) -> bytes:
    return value.to_bytes(8, "big")


# Record


def part_salt(secret: bytes, number: int) -> bytes:
    return hmac_sha256(secret, b"concord/part-salt/v1" + u32(number) + b"\x01")


def part_leaf(salt: bytes, number: int, media_type: str, full_url: str, content: bytes) -> bytes:
    media, url = media_type.encode(), full_url.encode()
    message = salt + u32(number) + u16(len(media)) + media + u16(len(url)) + url + content
    return sha256(b"\x00" + b"concord/part/v1" + message).digest()


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, by its recursive definition."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + tree_root(leaves[:split]) + tree_root(leaves[split:])).digest()


def tree_path(number: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 9162 section 2.1.3.1, by its recursive definition."""
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if number < split:
        return [*tree_path(number, leaves[:split]), tree_root(leaves[split:])]
    return [*tree_path(number - split, leaves[split:]), tree_root(leaves[:split])]


def commitment(count: int, root: bytes) -> bytes:
    return sha256(b"\x02" + b"concord/commitment/v1" + u32(count) + root).digest()


def encode_parts(parts: Sequence[tuple[str, str, bytes]]) -> bytes:
    encoded = u32(len(parts))
    for media_type, full_url, content in parts:
        media, url = media_type.encode(), full_url.encode()
        encoded += u16(len(media)) + media + u16(len(url)) + url + u32(len(content)) + content
    return encoded


def seal_body(secret: bytes, nonce: bytes, associated: bytes, plaintext: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(hkdf_expand(secret, b"concord/body/v1")), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(associated)
    return b"\x01" + nonce + encryptor.update(plaintext) + encryptor.finalize() + encryptor.tag


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


# Header


def hchacha20(key: bytes, nonce: bytes) -> bytes:
    """draft-irtf-cfrg-xchacha-03 section 2.2."""
    state = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce))
    for _ in range(10):
        for a, b, c, d in (
            (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
            (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
        ):  # fmt: skip
            for left, right, target, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                state[left] = (state[left] + state[right]) & 0xFFFFFFFF
                mixed = state[target] ^ state[left]
                state[target] = (mixed << turn | mixed >> (32 - turn)) & 0xFFFFFFFF
    return struct.pack("<8I", *state[:4], *state[12:])


def xchacha20poly1305(key: bytes, nonce: bytes, plaintext: bytes, associated: bytes) -> bytes:
    subkey = hchacha20(key, nonce[:16])
    return ChaCha20Poly1305(subkey).encrypt(bytes(4) + nonce[16:], plaintext, associated)


def sealed_box(message: bytes, public_key: bytes, ephemeral_key: bytes) -> bytes:
    ephemeral = x25519_public(ephemeral_key)
    nonce = blake2b(ephemeral + public_key, digest_size=24).digest()
    return ephemeral + crypto_box(message, nonce, public_key, ephemeral_key)


def header_text(content: dict[str, Any], pseudonym: bytes | None) -> bytes:
    slot = b"null".ljust(66) if pseudonym is None else b'"' + pseudonym.hex().encode() + b'"'
    text = b'{"format_version":1,"pseudonym":' + slot + b"," + compact(content)[1:]
    return text + b" " * (-len(text) % 512)


def x25519_public(private: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def x25519(private: bytes, public: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))


def ed25519_public(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


# Vectors

ORIGIN = "hospital-a.example/log"
OTHER_ORIGIN = "hospital-b.example/log"
FHIR = "application/fhir+json"


def leaf_bytes(entry_type: int, time_ms: int, hashes: Sequence[bytes]) -> bytes:
    return bytes([1, entry_type]) + u64(time_ms) + b"".join(hashes)


def leaf_vectors() -> dict[str, Any]:
    vectors = []
    for entry_type, time_ms in ((1, 1_760_000_012_345), (3, 1_760_000_040_000), (8, 1_760_000_012_345), (12, 0)):
        hashes = [seeded(f"leaf {entry_type} {name}") for name in ("commitment", "tag", "digest")]
        leaf = leaf_bytes(entry_type, time_ms, hashes)
        names = dict(zip(("commitment", "tag", "header_digest"), (each.hex() for each in hashes), strict=True))
        vectors.append(
            {"entry_type": entry_type, "claimed_time_ms": time_ms, **names, "leaf": leaf.hex()}
            | {"leaf_hash": sha256(b"\x00" + leaf).hexdigest()}
        )
    return {"leaves": vectors}


def record_parts() -> list[tuple[str, str, str, bytes]]:
    """(media type, role, fullUrl, bytes) of parts 1…n-1."""
    return [
        (FHIR, "patient", "urn:uuid:7d4a7f0e-0000-4000-8000-000000000001", b'{"resourceType":"Patient","id":"p1"}'),
        (FHIR, "report", "https://hospital-a.example/fhir/DiagnosticReport/r1", b'{ "resourceType": "DiagnosticReport" }'),
        (FHIR, "observation", "", b'{"resourceType":"Observation","valueQuantity":{"value":13.50}}'),
        ("text/plain; charset=utf-8", "note", "", "复查".encode()),
    ]


def record_vector() -> dict[str, Any]:
    secret, parts = seeded("record secret"), record_parts()
    manifest_value = {
        "format": "concord/manifest",
        "format_version": 1,
        "origin": ORIGIN,
        "entry_type": 2,
        "kind": "exam-result",
        "identity": {
            "institution": "hospital-a.example",
            "resource_type": "DiagnosticReport",
            "system": "urn:oid:1.2.3",
            "value": "ACC-0001",
        },
        "version": 2,
        "status": "corrected",
        "performed_at_ms": 1_759_999_000_000,
        "issued_at_ms": None,
        "count": len(parts) + 1,
        "parts": [{"media_type": media, "role": role, "length_bytes": len(data)} for media, role, _, data in parts],
        "patient_part": 1,
        "supersedes": {"origin": ORIGIN, "leaf_hash": seeded("superseded").hex()},
    }
    manifest = compact(manifest_value)
    everything = [("application/vnd.concord.manifest+json", "", manifest), *((m, u, c) for m, _, u, c in parts)]
    salts = [part_salt(secret, number) for number in range(len(everything))]
    leaves = [part_leaf(salt, number, *part) for number, (salt, part) in enumerate(zip(salts, everything, strict=True))]
    root = tree_root(leaves)
    value, nonce = commitment(len(everything), root), seeded("body nonce", 12)
    return {
        "secret": secret.hex(),
        "manifest": manifest.decode(),
        "parts": [{"media_type": m, "role": r, "full_url": u, "content": c.decode()} for m, r, u, c in parts],
        "salts": [salt.hex() for salt in salts],
        "leaves": [leaf.hex() for leaf in leaves],
        "proofs": [[each.hex() for each in tree_path(number, leaves)] for number in range(len(leaves))],
        "root": root.hex(),
        "commitment": value.hex(),
        "body_nonce": nonce.hex(),
        "sealed_body": seal_body(secret, nonce, value, encode_parts(everything)).hex(),
    }


def patient_vector() -> dict[str, Any]:
    seed = seeded("patient seed")
    code = hkdf(seed, b"concord/code/v1")
    exchange = hkdf(seed, b"concord/patient-exchange-key/v1")
    signing = hkdf(seed, b"concord/patient-signing-key/v1")
    public = x25519_public(exchange) + ed25519_public(signing)
    checksum = sha256(b"concord/patient-code/v1" + code + public).digest()[:4]
    return {
        "seed": seed.hex(),
        "code": code.hex(),
        "exchange_private_key": exchange.hex(),
        "exchange_public_key": public[:32].hex(),
        "signing_key_seed": signing.hex(),
        "signing_public_key": public[32:].hex(),
        "regulator": "regulator.example",
        "pseudonym": hkdf(code, b"concord/person/v1" + b"regulator.example").hex(),
        "card": "CONCORD1:" + base64.b32encode(code + public + checksum).decode(),
    }


def locator_vector() -> dict[str, Any]:
    patient = patient_vector()
    code = bytes.fromhex(patient["code"])
    secrets = {epoch: seeded(f"locator secret {epoch}") for epoch in (1, 2, 4_000_000_000)}
    keys = {e: hkdf(code, b"concord/locator/v1" + u32(e), salt=secret) for e, secret in secrets.items()}
    institution = seeded("institution exchange key")
    pairwise = hkdf(x25519(institution, bytes.fromhex(patient["exchange_public_key"])), b"concord/pairwise/v1")
    tags = [
        {"key": key.hex(), "origin": origin, "class": tag_class, "counter": counter}
        | {"tag": hmac_sha256(key, origin.encode() + b"\0" + bytes([tag_class]) + u64(counter)).hex()}
        for key, tag_class in ((keys[1], 0), (keys[2], 0), (pairwise, 1))
        for origin in (ORIGIN, OTHER_ORIGIN)
        for counter in (0, 1, 2**40)
    ]
    return {
        "code": patient["code"],
        "locator_secrets": {str(epoch): secret.hex() for epoch, secret in secrets.items()},
        "epoch_keys": {str(epoch): key.hex() for epoch, key in keys.items()},
        "institution_exchange_private_key": institution.hex(),
        "institution_exchange_public_key": x25519_public(institution).hex(),
        "patient_exchange_private_key": patient["exchange_private_key"],
        "patient_exchange_public_key": patient["exchange_public_key"],
        "pairwise_key": pairwise.hex(),
        "tags": tags,
    }


def header_vectors() -> dict[str, Any]:
    return {"headers": [header_vector("with pseudonym", seeded("pseudonym")), header_vector("without", None)]}


def header_vector(name: str, pseudonym: bytes | None) -> dict[str, Any]:
    data_key, reader_key, audit = seeded(f"{name} data key"), seeded("reader key"), seeded("audit key")
    nonce, wrap_nonce, tag = seeded(f"{name} nonce", 24), seeded(f"{name} wrap nonce", 24), seeded(f"{name} tag")
    key_id, audit_public = u64(7), x25519_public(audit)
    content: dict[str, Any] = {
        "kind": "exam-result",
        "record_id": "mzxw6ytboi",
        "version": 1,
        "status": "final",
        "performed_at_ms": 1_759_999_000_000,
        "items": [["http://loinc.org", "718-7", "119297000", "g/dL"], ["http://loinc.org", "789-8", "", ""]],
        "study": "ACC-0001",
        "parts": [[media, role, len(data)] for media, role, _, data in record_parts()],
        "supersedes": {"origin": ORIGIN, "leaf_hash": seeded("superseded").hex()} if pseudonym else None,
        "mark": "",
        "certificate": "",
        "device": "",
        "lot": "",
    }
    text = header_text(content, pseudonym)
    wrap_key = hkdf_expand(reader_key, b"concord/header-wrap/v1" + tag)
    wraps = [
        (1, key_id, wrap_nonce + xchacha20poly1305(wrap_key, wrap_nonce, data_key, b"")),
        (2, sha256(b"concord/audit-key/v1" + audit_public).digest()[:8],
         sealed_box(data_key, audit_public, seeded(f"{name} ephemeral"))),
    ]  # fmt: skip
    header = b"\x01" + sha256(b"concord/header-key/v1" + data_key).digest() + nonce + bytes([len(wraps)])
    for kind, wrap_key_id, sealed in wraps:
        header += bytes([kind]) + wrap_key_id + u16(len(sealed)) + sealed
    header += xchacha20poly1305(data_key, nonce, text, ORIGIN.encode() + b"\0" + bytes([1]) + tag)
    return {
        "name": name,
        "origin": ORIGIN,
        "entry_type": 1,
        "tag": tag.hex(),
        "content": content,
        "pseudonym": pseudonym.hex() if pseudonym else None,
        "data_key": data_key.hex(),
        "nonce": nonce.hex(),
        "wrap_nonce": wrap_nonce.hex(),
        "reader_key": reader_key.hex(),
        "reader_key_id": key_id.hex(),
        "audit_private_key": audit.hex(),
        "audit_public_key": audit_public.hex(),
        "supervision_wrap": wraps[1][2].hex(),
        "text": text.decode(),
        "header": header.hex(),
        "digest": sha256(header).hexdigest(),
    }


def public_slot(
    entry_type: int, kind: str, part: tuple[str, bytes], draws: tuple[bytes, bytes], time_ms: int
) -> tuple[bytes, bytes]:
    """Slot and leaf of a public entry with one part of a media type; draws are secret and tag."""
    media_type, content = part
    secret, tag = draws
    manifest = compact(
        {
            "format": "concord/manifest",
            "format_version": 1,
            "origin": ORIGIN,
            "entry_type": entry_type,
            "kind": kind,
            "identity": None,
            "version": 0,
            "status": "",
            "performed_at_ms": time_ms,
            "issued_at_ms": None,
            "count": 2,
            "parts": [{"media_type": media_type, "role": kind, "length_bytes": len(content)}],
            "patient_part": None,
            "supersedes": None,
        }
    )
    parts = [("application/vnd.concord.manifest+json", "", manifest), (media_type, "", content)]
    leaves = [part_leaf(part_salt(secret, number), number, *each) for number, each in enumerate(parts)]
    slot = b"\x01" + secret + encode_parts(parts)
    value = commitment(len(parts), tree_root(leaves))
    return slot, leaf_bytes(entry_type, time_ms, (value, tag, sha256(slot).digest()))


def public_entry_vector() -> dict[str, Any]:
    secret, tag, time_ms = seeded("public secret"), seeded("public tag"), 1_760_000_012_345
    target = {"statement_version": 1, "origin": ORIGIN, "leaf_hash": seeded("target").hex()}
    part = ("application/vnd.concord.statement+json", compact(target))
    slot, leaf = public_slot(9, "tombstone", part, (secret, tag), time_ms)
    return {
        "origin": ORIGIN,
        "target": target,
        "claimed_time_ms": time_ms,
        "secret": secret.hex(),
        "tag": tag.hex(),
        "slot": slot.hex(),
        "leaf": leaf.hex(),
    }


def recall_vectors() -> dict[str, Any]:
    recall_id = seeded("recall id").hex()[:32]
    hashes = [seeded("first result").hex(), seeded("second result").hex()]
    searched = {
        "item": "LAB-K",
        "device": "",
        "lot": "批号 L2231",
        "from_ms": 1_759_000_000_000,
        "to_ms": 1_760_000_000_000,
        "reason": "quality-control",
    }
    pages = {"total": 1002, "page": 2, "pages": 2, "leaf_hashes": hashes}
    statements: list[tuple[str, str, dict[str, Any]]] = [
        ("an announcement", "recall", {"statement_version": 2, "recall_id": recall_id, **searched}),
        ("a list", "recall-results", {"statement_version": 1, "recall_id": recall_id, "leaf_hashes": hashes}),
        ("a lifting", "recall-lifting", {"statement_version": 1, "recall_id": recall_id, "reason": "cleared"}),
        ("a recall of version 1", "recall", {"statement_version": 1, "recall_id": recall_id, **searched, **pages}),
    ]
    return {"origin": ORIGIN, "entries": [recall_vector(*each) for each in statements]}


def recall_vector(name: str, kind: str, statement: dict[str, Any]) -> dict[str, Any]:
    secret, tag, time_ms = seeded(f"recall secret {name}"), seeded(f"recall tag {name}"), 1_760_000_012_345
    slot, leaf = public_slot(9, kind, ("application/vnd.concord.statement+json", compact(statement)), (secret, tag), time_ms)
    return {
        "name": name,
        "kind": kind,
        "statement": statement,
        "claimed_time_ms": time_ms,
        "secret": secret.hex(),
        "tag": tag.hex(),
        "slot": slot.hex(),
        "leaf": leaf.hex(),
    }


PRICES = """{
 "format": "concord/prices",
 "version": 1,
 "head": {"name":"vector-prices","serial":3,"issued":"2026-01-01","sample":true,"sources":["made up"]},
 "prices": [
  {"charge":"LIVER","region":"CN-44","price_fen":12000,"valid_from":"2026-01-01"},
  {"charge":"LIVER","region":"CN-4401","price_fen":13200,"valid_from":"2026-01-01","valid_to":"2026-06-30","institution_class":"3A"}
 ]
}
"""


def catalogue_entry_vector() -> dict[str, Any]:
    secret, tag, time_ms = seeded("catalogue secret"), seeded("catalogue tag"), 1_760_000_012_345
    part = ("application/vnd.concord.catalogue+json", PRICES.encode())
    slot, leaf = public_slot(8, "prices", part, (secret, tag), time_ms)
    return {
        "origin": ORIGIN,
        "document": PRICES,
        "digest": sha256(PRICES.encode()).hexdigest(),
        "claimed_time_ms": time_ms,
        "secret": secret.hex(),
        "tag": tag.hex(),
        "slot": slot.hex(),
        "leaf": leaf.hex(),
    }


FILES = {
    "leaf.json": leaf_vectors,
    "record.json": record_vector,
    "patient-code.json": patient_vector,
    "locator.json": locator_vector,
    "header.json": header_vectors,
    "public-entry.json": public_entry_vector,
    "catalogue-entry.json": catalogue_entry_vector,
    "recall.json": recall_vectors,
}


def render(name: str) -> str:
    return json.dumps(FILES[name](), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for file in FILES:
        (VECTORS / file).write_text(render(file), encoding="utf-8")
