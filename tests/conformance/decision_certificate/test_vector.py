"""The committed decision certificate, by this release and by the words of docs/spec alone."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt

from node.domain.certificate_verdict import CertificateVerdict
from node.wire.certificate.file import encode_certificate, parse_certificate
from node.wire.certificate.verification import verify_certificate
from node.wire.trust_root import parse_trust_root
from tests.conformance.evidence.test_vectors import b64, climb, key, signatures
from tests.unit.members.certificate_vector import make_certificate, make_small_neighbourhood
from tests.unit.members.certificates import trust_root

pytestmark = pytest.mark.slow

VECTORS = Path(__file__).parents[1] / "vectors" / "decision-certificate"
CERTIFICATE = VECTORS / "recognised-and-taken-back.certificate.json"
TRUST_ROOT = VECTORS / "trust-root.note"
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def gist(verdict: CertificateVerdict) -> object:
    """Return what a verdict says, save what differs from world to world."""
    results = [
        (each.institution, each.leaf_index, each.status, each.offered, each.refused, each.used, each.read_to, each.later)
        for each in verdict.results
    ]
    findings = (verdict.proved, verdict.not_proved, verdict.remarks)
    documents = [(each.kind, each.subject, each.digest) for each in verdict.documents]
    decision = verdict.decision
    told = (decision.outcome, decision.items, decision.saving_fen, decision.decided_at_ms, verdict.price_fen, verdict.free_text)
    return told, results, documents, verdict.check_index, verdict.reversal_index, verdict.entry.leaf_index, findings


def test_this_release_verifies_the_vector_and_makes_the_like(tmp_path: Path) -> None:
    data = CERTIFICATE.read_bytes()
    certificate = parse_certificate(data)
    assert encode_certificate(certificate) == data
    committed = verify_certificate(certificate, parse_trust_root(TRUST_ROOT.read_bytes()), now=NOW)
    neighbours = make_small_neighbourhood(tmp_path).start()
    try:
        made = make_certificate(neighbours)
        verdict = verify_certificate(made, trust_root(neighbours), now=NOW)
    finally:
        neighbours.stop()
    (tmp_path / CERTIFICATE.name).write_bytes(encode_certificate(made))
    assert gist(verdict) == gist(committed)


# From here on by the specification alone.


@pytest.fixture(scope="module")
def file() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(CERTIFICATE.read_bytes())
    return loaded


def open_head(note: str) -> tuple[str, int, bytes]:
    """Check a head's signature by a key of the trust root, and return origin, size and root."""
    text, found = signatures(note)
    origin, size, top = text.decode().splitlines()
    root = json.loads(TRUST_ROOT.read_text().rpartition("\n\n")[0])
    log = next(each for each in root["logs"] if each["origin"] == origin)
    name, key_id, _, public_key = key(log["keys"][0]["vkey"])
    public_key.verify(found[name, key_id], text)
    return origin, int(size), b64(top)


def open_line(file: dict[str, Any], at: int) -> tuple[str, str, dict[str, Any]]:
    """Check an entry and open its header; return its log, its leaf hash and what it says."""
    line = file["lines"][at]
    origin, size, top = open_head(file["heads"][line["head"]])
    leaf, header, data_key = b64(line["leaf"]), b64(line["header"]), b64(line["data_key"])
    leaf_hash = sha256(b"\x00" + leaf).digest()
    assert climb(leaf_hash, line["index"], size, [b64(each) for each in line["proof"]]) == top
    assert sha256(header).digest() == leaf[74:106]
    assert header[1:33] == sha256(b"concord/header-key/v1" + data_key).digest()
    wraps = 58
    for _ in range(header[57]):
        wraps += 11 + int.from_bytes(header[wraps + 9 : wraps + 11], "big")
    bound = origin.encode() + b"\0" + leaf[1:2] + leaf[42:74]
    text = json.loads(crypto_aead_xchacha20poly1305_ietf_decrypt(header[wraps:], bound, header[33:57], data_key))
    return origin, leaf_hash.hex(), text


def body(file: dict[str, Any], at: int) -> dict[str, Any]:
    """Return the one part of an entry's evidence; `tests/conformance/evidence` opens commitments."""
    evidence = json.loads(file["lines"][at]["evidence"])
    assert evidence["leaf"] == file["lines"][at]["leaf"]
    (part,) = evidence["parts"]
    content: dict[str, Any] = json.loads(b64(part["content"]))
    return content


def test_each_line_plays_one_part_and_all_are_one_persons(file: dict[str, Any]) -> None:
    assert (file["format"], file["version"]) == ("concord/decision-certificate", 1)
    parts = [file["decision"], file["reversal"], file["check"], *file["results"], *file["later"], *file["receipts"]]
    assert sorted(parts) == list(range(len(file["lines"])))
    assert len({open_line(file, at)[2]["pseudonym"] for at in parts}) == 1


def test_the_decision_says_in_its_body_what_its_header_says_and_pins_the_documents(file: dict[str, Any]) -> None:
    origin, _, text = open_line(file, file["decision"])
    act, said = text["act"], body(file, file["decision"])["decision"]
    assert (act["about"], act["decision_id"], act["check_id"]) == ("decision", said["decision_id"], said["check_id"])
    assert (act["saving_fen"], act["decided_at_ms"]) == (said["decision"]["saving_fen"], said["decision"]["decided_at_ms"])
    digests = {sha256(b64(each["content"])).hexdigest() for each in file["documents"]}
    assert digests == {digest for _, _, digest in act["pins"]}
    assert origin == "hospital-b.example/log"


def test_check_reversal_receipts_and_results_belong_to_it(file: dict[str, Any]) -> None:
    origin, decision, text = open_line(file, file["decision"])
    act, index = text["act"], file["lines"][file["decision"]]["index"]
    checks = {each["check_id"]: each for each in body(file, file["check"])["checks"]}
    (line,) = checks[act["check_id"]]["outcome"]["lines"]
    named = [each["leaf"] for each in (*line["offers"], *line["unrecognisable"])]
    results = [open_line(file, at) for at in file["results"]]
    assert [(each["origin"], b64(each["leaf_hash"]).hex()) for each in named] == [(where, which) for where, which, _ in results]
    where, _, reversal = open_line(file, file["reversal"])
    assert (where, reversal["act"]["decision"]) == (origin, {"origin": origin, "leaf_hash": decision})
    shown = set()
    for at in file["receipts"]:
        where, _, receipt = open_line(file, at)
        assert (where, receipt["act"]["side"], receipt["act"]["outcome"]) == (origin, "requester", "disclosed")
        assert file["lines"][at]["index"] < index
        shown |= {(each["origin"], each["leaf_hash"]) for each in receipt["act"]["subjects"]}
    assert {(where, which) for where, which, _, _ in act["results"]} <= shown


def test_what_came_later_stands_where_nobody_had_read_yet(file: dict[str, Any]) -> None:
    (check,) = body(file, file["check"])["checks"]
    read = {each["origin"]: each["size"] for each in check["read"]}
    (at,) = file["later"]
    origin, _, later = open_line(file, at)
    assert later["supersedes"]["leaf_hash"] in {open_line(file, each)[1] for each in file["results"]}
    assert file["lines"][at]["index"] >= read[origin]


def test_mark_price_and_saving_are_what_the_documents_say(file: dict[str, Any]) -> None:
    documents = {each["format"]: each for each in (json.loads(b64(one["content"])) for one in file["documents"])}
    (check,) = body(file, file["check"])["checks"]
    (line,) = check["outcome"]["lines"]
    (offer,) = line["offers"]
    day = date(1970, 1, 1) + timedelta(milliseconds=offer["performed_at_ms"] + 8 * 3_600_000)
    certificates = {each["certificate"]: each for each in documents["concord/certificates"]["certificates"]}
    for each in offer["items"]:
        held = certificates[each["certificate"]]
        assert (held["institution"], held["item"]) == (offer["institution"], each["item"])
        assert held["valid_from"] <= day.isoformat() <= held["valid_to"]
    (price,) = {each["price_fen"] for each in documents["concord/prices"]["prices"] if each["price_fen"] == line["price_fen"]}
    assert body(file, file["decision"])["decision"]["decision"]["saving_fen"] == price
