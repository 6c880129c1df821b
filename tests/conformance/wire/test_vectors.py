"""The committed vectors, made by the reference implementation, against `node`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.hashing import hash_leaf
from node.domain.entry import EntryType, LeafReference, Origin, RecordId, Version
from node.domain.header import HeaderContent, PartSummary
from node.domain.patient import LocatorTag, PatientCode, PatientSeed
from node.domain.record import Item, Kind, RecordStatus
from node.identity.code_text import PatientCard, encode_card, parse_card
from node.identity.codes import (
    epoch_key,
    exchange_private_key,
    patient_code,
    person_pseudonym,
    public_keys,
    signing_key_seed,
)
from node.wire.catalogue.documents import digest_of, encode_document, parse_document
from node.wire.catalogue.entry import document_entry, published_document
from node.wire.commitment import (
    BodyPart,
    commit,
    disclose_parts,
    open_body,
    part_leaf,
    part_salt,
    seal_body,
    verify_parts,
)
from node.wire.header.seal import (
    HeaderPlace,
    PreparedHeader,
    Wrap,
    audit_key_id,
    header_digest,
    open_header_reader,
    open_header_supervision,
    seal_header,
)
from node.wire.header.text import encode_content, encode_text, parse_text
from node.wire.leaf import Leaf, encode_leaf, parse_leaf
from node.wire.locator import locator_tag, pairwise_key
from node.wire.manifest import encode_manifest, manifest_part, parse_manifest
from node.wire.public_entry import open_public_entry, tombstone_entry, tombstone_target
from tests.conformance.wire.reference import FILES, VECTORS, render


def vector(name: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def replay(*draws: bytes) -> Callable[[int], bytes]:
    """Entropy that gives what is told, and nothing after it."""
    remaining = list(draws)

    def draw(length: int) -> bytes:
        value = remaining.pop(0)
        assert len(value) == length
        return value

    return draw


@pytest.mark.parametrize("name", FILES)
def test_vectors_are_the_references(name: str) -> None:
    assert (VECTORS / name).read_text(encoding="utf-8") == render(name)


def test_leaves() -> None:
    for case in vector("leaf.json")["leaves"]:
        leaf = Leaf(
            entry_type=EntryType(case["entry_type"]),
            claimed_time_ms=case["claimed_time_ms"],
            commitment=bytes.fromhex(case["commitment"]),
            tag=LocatorTag(bytes.fromhex(case["tag"])),
            header_digest=bytes.fromhex(case["header_digest"]),
        )
        assert encode_leaf(leaf).hex() == case["leaf"]
        assert parse_leaf(bytes.fromhex(case["leaf"])) == leaf
        assert hash_leaf(encode_leaf(leaf)).hex() == case["leaf_hash"]


def test_record() -> None:
    case = vector("record.json")
    secret, manifest = bytes.fromhex(case["secret"]), case["manifest"].encode()
    parts = [
        manifest_part(manifest),
        *(BodyPart(part["media_type"], part["full_url"], part["content"].encode()) for part in case["parts"]),
    ]
    assert encode_manifest(parse_manifest(manifest)) == manifest
    assert [part_salt(secret, number).hex() for number in range(len(parts))] == case["salts"]
    leaves = [part_leaf(part_salt(secret, number), number, part) for number, part in enumerate(parts)]
    assert [leaf.hex() for leaf in leaves] == case["leaves"]
    commitment = commit(secret, parts)
    assert (commitment.count, commitment.root.hex()) == (len(parts), case["root"])
    assert commitment.value.hex() == case["commitment"]
    disclosed = disclose_parts(secret, parts, range(len(parts)))
    assert [[each.hex() for each in part.proof] for part in disclosed] == case["proofs"]
    verify_parts(commitment.value, len(parts), disclosed)
    sealed = seal_body(secret, commitment.value, parts, replay(bytes.fromhex(case["body_nonce"])))
    assert sealed.hex() == case["sealed_body"]
    assert open_body(secret, sealed, commitment.value).parts == tuple(parts)


def test_patient() -> None:
    case = vector("patient-code.json")
    seed = PatientSeed(bytes.fromhex(case["seed"]))
    code, public = patient_code(seed), public_keys(seed)
    assert code.hex() == case["code"]
    assert exchange_private_key(seed).hex() == case["exchange_private_key"]
    assert signing_key_seed(seed).hex() == case["signing_key_seed"]
    assert public.exchange.hex() == case["exchange_public_key"]
    assert public.signing.hex() == case["signing_public_key"]
    assert person_pseudonym(code, case["regulator"]).hex() == case["pseudonym"]
    card = PatientCard(code, public)
    assert encode_card(card) == case["card"]
    assert parse_card(case["card"]) == card
    assert case["seed"] not in case["card"]


def test_locator() -> None:
    case = vector("locator.json")
    code = PatientCode(bytes.fromhex(case["code"]))
    for epoch, secret in case["locator_secrets"].items():
        assert epoch_key(code, bytes.fromhex(secret), int(epoch)).hex() == case["epoch_keys"][epoch]
    institution = bytes.fromhex(case["institution_exchange_private_key"])
    pairwise = pairwise_key(institution, bytes.fromhex(case["patient_exchange_public_key"]))
    assert pairwise.hex() == case["pairwise_key"]
    patient = bytes.fromhex(case["patient_exchange_private_key"])
    assert pairwise_key(patient, bytes.fromhex(case["institution_exchange_public_key"])) == pairwise
    for tag in case["tags"]:
        computed = locator_tag(bytes.fromhex(tag["key"]), Origin(tag["origin"]), tag["class"], tag["counter"])
        assert computed.hex() == tag["tag"]
    assert len({tag["tag"] for tag in case["tags"]}) == len(case["tags"])


@pytest.mark.parametrize("at", [0, 1])
def test_header(at: int) -> None:
    case = vector("header.json")["headers"][at]
    data_key, reader_key, tag, audit_public, audit_key = (
        bytes.fromhex(case[name]) for name in ("data_key", "reader_key", "tag", "audit_public_key", "audit_private_key")
    )
    pseudonym = bytes.fromhex(case["pseudonym"]) if case["pseudonym"] else None
    content = content_of(case["content"])
    assert encode_text(encode_content(content), pseudonym).decode() == case["text"]
    wrap = Wrap(2, audit_key_id(audit_public), bytes.fromhex(case["supervision_wrap"]))
    place = HeaderPlace(Origin(case["origin"]), EntryType(case["entry_type"]), LocatorTag(tag))
    header = seal_header(
        PreparedHeader(encode_content(content), 1, data_key, (wrap,)),
        place,
        reader_key=reader_key,
        reader_key_id=bytes.fromhex(case["reader_key_id"]),
        pseudonym=pseudonym,
        entropy=replay(bytes.fromhex(case["nonce"]), bytes.fromhex(case["wrap_nonce"])),
    )
    assert header.hex() == case["header"]
    assert header_digest(header).hex() == case["digest"]
    opened = open_header_reader(header, place, reader_key)
    assert opened == parse_text(case["text"].encode())
    assert (opened.content, opened.pseudonym) == (content, pseudonym)
    assert open_header_supervision(header, place, audit_public_key=audit_public, audit_key=audit_key) == opened


def test_public_entry() -> None:
    case = vector("public-entry.json")
    target = LeafReference(Origin(case["target"]["origin"]), bytes.fromhex(case["target"]["leaf_hash"]))
    entropy = replay(bytes.fromhex(case["secret"]), bytes.fromhex(case["tag"]))
    entry = tombstone_entry(Origin(case["origin"]), target, case["claimed_time_ms"], entropy)
    assert entry.header.hex() == case["slot"]
    assert entry.leaf.hex() == case["leaf"]
    assert tombstone_target(open_public_entry(entry.leaf, entry.header, Origin(case["origin"]))) == target


def test_catalogue_entry() -> None:
    case = vector("catalogue-entry.json")
    data = case["document"].encode()
    assert encode_document(parse_document(data)) == data
    assert digest_of(data).hex() == case["digest"]
    entropy = replay(bytes.fromhex(case["secret"]), bytes.fromhex(case["tag"]))
    entry = document_entry(Origin(case["origin"]), data, case["claimed_time_ms"], entropy)
    assert (entry.header.hex(), entry.leaf.hex()) == (case["slot"], case["leaf"])
    opened = open_public_entry(entry.leaf, entry.header, Origin(case["origin"]))
    assert published_document(opened) == (parse_document(data), digest_of(data))


def content_of(case: dict[str, Any]) -> HeaderContent:
    superseded = case["supersedes"]
    return HeaderContent(
        kind=Kind(case["kind"]),
        record_id=RecordId(case["record_id"]),
        version=Version(case["version"]),
        status=RecordStatus(case["status"]),
        performed_at_ms=case["performed_at_ms"],
        items=tuple(Item(*item) for item in case["items"]),
        study=case["study"],
        parts=tuple(PartSummary(*part) for part in case["parts"]),
        supersedes=superseded and LeafReference(Origin(superseded["origin"]), bytes.fromhex(superseded["leaf_hash"])),
    )


@pytest.mark.parametrize("page", ["leaf", "record", "header", "locator", "patient-code"])
def test_pages_quote_the_vectors(page: str) -> None:
    text = (Path(__file__).parents[3] / "docs" / "spec" / f"{page}.md").read_text(encoding="utf-8")
    vectors = "".join(render(name) for name in FILES)
    quoted = re.findall(r"`([0-9a-f]{64})`", text) + re.findall(r"`(CONCORD1:[A-Z2-7]+)`", text)
    assert [each for each in quoted if each not in vectors] == []
    assert all(name in text for name in FILES if name.startswith(page))
