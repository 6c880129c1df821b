"""The committed decision certificates, by this release and by the words of docs/spec alone.

One is of an earlier release: its documents were published nowhere, its check commits to no other logs, its summary is closed.
"""

from __future__ import annotations

import json
import shutil
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
EARLIER = "recognised-and-taken-back"
PRESENT = "published-and-read"
NAMES = (EARLIER, PRESENT)
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def gist(verdict: CertificateVerdict) -> object:
    """Return what a verdict says, save what differs from world to world."""
    results = [
        (each.institution, each.leaf_index, each.status, each.offered, each.refused, each.used, each.read_to, each.later)
        for each in verdict.results
    ]
    findings = (verdict.proved, verdict.not_proved, verdict.remarks)
    read = None if verdict.read is None else (verdict.read.logs, [origin for origin, _ in verdict.read.heads], verdict.read.unread)
    # not their digests: the package's sample documents have newer versions since the vector was written
    documents = [(each.kind, each.subject, each.published, each.publisher, each.standing) for each in verdict.documents]
    decision = verdict.decision
    told = (decision.outcome, decision.items, decision.saving_fen, decision.decided_at_ms, verdict.price_fen, verdict.free_text)
    return told, results, read, documents, verdict.check_index, verdict.reversal_index, verdict.entry.leaf_index, findings


def certificate_of(name: str) -> Path:
    return VECTORS / f"{name}.certificate.json"


def root_of(name: str) -> Path:
    return VECTORS / f"{name}.trust-root.note"


def verified(name: str) -> CertificateVerdict:
    data = certificate_of(name).read_bytes()
    certificate = parse_certificate(data)
    assert encode_certificate(certificate) == data
    return verify_certificate(certificate, parse_trust_root(root_of(name).read_bytes()), now=NOW)


def test_what_an_earlier_release_wrote_verifies_and_the_verdict_says_what_it_lacks() -> None:
    verdict = verified(EARLIER)
    not_proved = {each.code for each in verdict.not_proved}
    assert {"documents_embedded", "read_asserted", "summary_closed"} <= not_proved
    assert not {each.code for each in verdict.proved} & {"documents_published", "read_committed", "read_heads", "summary_matches"}


def test_this_release_verifies_the_vector_and_makes_the_like(tmp_path: Path) -> None:
    committed = verified(PRESENT)
    neighbours = make_small_neighbourhood(tmp_path).start()
    try:
        made = make_certificate(neighbours)
        verdict = verify_certificate(made, trust_root(neighbours), now=NOW)
    finally:
        neighbours.stop()
    certificate_file, root_file = (tmp_path / each(PRESENT).name for each in (certificate_of, root_of))
    certificate_file.write_bytes(encode_certificate(made))
    shutil.copy(neighbours.there.directory / "trust-root.note", root_file)
    assert gist(verdict) == gist(committed)


# From here on by the specification alone.


@pytest.fixture(scope="module", params=NAMES)
def file(request: pytest.FixtureRequest) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(certificate_of(request.param).read_bytes())
    return {**loaded, "trust root": json.loads(root_of(request.param).read_text().rpartition("\n\n")[0])}


@pytest.fixture(scope="module")
def present() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(certificate_of(PRESENT).read_bytes())
    return {**loaded, "trust root": json.loads(root_of(PRESENT).read_text().rpartition("\n\n")[0])}


def open_head(file: dict[str, Any], note: str) -> tuple[str, int, bytes]:
    """Check a head's signature by a key of the trust root, and return origin, size and root."""
    text, found = signatures(note)
    origin, size, top = text.decode().splitlines()
    root = file["trust root"]
    log = next(each for each in root["logs"] if each["origin"] == origin)
    name, key_id, _, public_key = key(log["keys"][0]["vkey"])
    public_key.verify(found[name, key_id], text)
    return origin, int(size), b64(top)


def open_line(file: dict[str, Any], at: int) -> tuple[str, str, dict[str, Any]]:
    """Check an entry and open its header; return its log, its leaf hash and what it says."""
    line = file["lines"][at]
    origin, size, top = open_head(file, file["heads"][line["head"]])
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


def body(file: dict[str, Any], at: int, number: int = 1) -> dict[str, Any]:
    """Return a part of an entry's evidence; `tests/conformance/evidence` opens commitments."""
    evidence = json.loads(file["lines"][at]["evidence"])
    assert evidence["leaf"] == file["lines"][at]["leaf"]
    (part,) = (each for each in evidence["parts"] if each["number"] == number)
    content: dict[str, Any] = json.loads(b64(part["content"]))
    return content


def document(file: dict[str, Any], given: dict[str, Any]) -> tuple[str | None, bytes]:
    """Return in whose log a document stands, and its bytes."""
    entry = given["published"]
    if entry is None:
        return None, b64(given["content"])
    origin, size, top = open_head(file, file["heads"][entry["head"]])
    leaf, slot = b64(entry["leaf"]), b64(entry["slot"])
    assert climb(sha256(b"\x00" + leaf).digest(), entry["index"], size, [b64(each) for each in entry["proof"]]) == top
    assert (leaf[1], sha256(slot).digest()) == (8, leaf[74:106])
    parts, at = [], 37
    for _ in range(int.from_bytes(slot[33:37], "big")):
        fields = []
        for length_bytes in (2, 2, 4):
            end = at + length_bytes + int.from_bytes(slot[at : at + length_bytes], "big")
            fields.append(slot[at + length_bytes : end])
            at = end
        parts.append(fields[2])
    manifest, content = parts
    assert json.loads(manifest)["origin"] == origin
    (institution,) = {each["institution"] for each in file["trust root"]["logs"] if each["origin"] == origin}
    return institution, content


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
    digests = {sha256(document(file, each)[1]).hexdigest() for each in file["documents"]}
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
    documents = {each["format"]: each for each in (json.loads(document(file, one)[1]) for one in file["documents"])}
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


def test_documents_are_published_by_the_regulator_and_maps_by_their_institution(present: dict[str, Any]) -> None:
    roles = {each["institution"]: each["roles"] for each in present["trust root"]["institutions"]}
    (check,) = body(present, present["check"])["checks"]
    for each in present["documents"]:
        publisher, content = document(present, each)
        assert publisher is not None
        told = json.loads(content)
        if told["format"] == "concord/institution-map":
            assert publisher == told["institution"]
        else:
            assert "regulator" in roles[publisher]
        assert int.from_bytes(b64(each["published"]["leaf"])[2:10], "big") <= check["outcome"]["checked_at_ms"]


def test_the_check_commits_to_how_far_all_logs_had_been_read(present: dict[str, Any]) -> None:
    (check,) = body(present, present["check"])["checks"]
    logs = present["read"]["logs"]
    assert logs == sorted(logs, key=lambda each: each[0].encode())
    packed = b"".join(len(name).to_bytes(2, "big") + name.encode() + size.to_bytes(8, "big") for name, size in logs)
    assert check["heads"]["logs"] == len(logs)
    assert b64(check["heads"]["digest"]) == sha256(b"concord/read-logs/v1" + packed).digest()
    assert {each["origin"]: each["size"] for each in check["read"]}.items() <= dict(logs).items()


def consistent(old_size: int, new_size: int, old_root: bytes, proof: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.4.2: return the new root, the old one being found on the way."""
    if old_size & (old_size - 1) == 0:
        proof = [old_root, *proof]
    at, last = old_size - 1, new_size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = proof[0]
    for each in proof[1:]:
        assert last
        if at & 1 or at == last:
            old, new = sha256(b"\x01" + each + old).digest(), sha256(b"\x01" + each + new).digest()
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            new = sha256(b"\x01" + new + each).digest()
        at, last = at >> 1, last >> 1
    assert (last, old) == (0, old_root)
    return new


def test_the_head_that_had_been_read_is_of_the_history_that_is_shown(present: dict[str, Any]) -> None:
    (check,) = body(present, present["check"])["checks"]
    heads = {origin: (size, top) for origin, size, top in (open_head(present, note) for note in present["heads"])}
    (proof,) = present["read"]["consistency"]
    (read,), (note,) = check["read"], check["heads"]["notes"]
    origin, size, top = open_head(present, b64(note).decode())
    assert origin == proof["origin"] == read["origin"]
    new_size, new_top = heads[origin]
    assert read["size"] <= size < new_size
    assert consistent(size, new_size, top, [b64(each) for each in proof["proof"]]) == new_top


def test_the_summary_says_what_decision_and_check_say(present: dict[str, Any]) -> None:
    said = body(present, present["decision"])["decision"]
    summary = body(present, present["decision"], 2)
    (check,) = body(present, present["check"])["checks"]
    (line,) = check["outcome"]["lines"]
    (offer,) = line["offers"]
    decision = said["decision"]
    assert (summary["decision"], summary["institution"]) == (said["decision_id"], said["actor"]["institution"])
    assert summary["clinician"] == [said["actor"]["staff_number"], said["actor"]["department"]]
    assert summary["order"] == [decision["line"]["order_id"], decision["line"]["orderable"]]
    assert (summary["saving_fen"], summary["decided_at_ms"]) == (decision["saving_fen"], decision["decided_at_ms"])
    assert summary["checked_at_ms"] == check["outcome"]["checked_at_ms"]
    ((institution, origin, leaf_hash, performed_at_ms, level, marked),) = summary["results"]
    assert [{"origin": origin, "leaf_hash": leaf_hash}] == decision["recognised"] == [offer["leaf"]]
    assert (institution, performed_at_ms, level) == (offer["institution"], offer["performed_at_ms"], offer["level"])
    items = [[each["item"], each["certificate"]] for each in offer["items"]]
    assert marked == [[offer["items"][0]["mark"], items]]
