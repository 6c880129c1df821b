"""The committed file of looking again, by this release and by the words of docs/spec alone."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from hashlib import sha256
from hmac import digest
from pathlib import Path
from typing import Any

import pytest

from node.domain.look_verdict import Account, LookVerdict
from node.wire.certificate.look_file import encode_look, parse_look
from node.wire.certificate.look_verification import verify_look
from node.wire.trust_root import parse_trust_root
from tests.conformance.evidence.test_vectors import b64, climb, key, signatures
from tests.unit.members.certificate_vector import make_small_neighbourhood
from tests.unit.members.certificates import trust_root
from tests.unit.members.look_vector import make_look

pytestmark = pytest.mark.slow

VECTORS = Path(__file__).parents[1] / "vectors" / "look-again"
FILE = "hidden-version.look-again.json"
ROOT = "hidden-version.trust-root.note"
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def gist(verdict: LookVerdict) -> object:
    """Return what a verdict says, save what differs from world to world."""
    findings = (verdict.proved, verdict.not_proved, verdict.remarks)
    return verdict.logs, verdict.left_out, verdict.entries, verdict.person_shown, findings


def test_this_release_verifies_the_vector_and_makes_the_like(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = (VECTORS / FILE).read_bytes()
    committed = parse_look(data)
    assert encode_look(committed) == data
    verdict = verify_look(committed, parse_trust_root((VECTORS / ROOT).read_bytes()), now=NOW)
    assert [each.account for each in verdict.entries] == [Account.REFUSED, Account.OFFERED, Account.HIDDEN_VERSION]
    neighbours = make_small_neighbourhood(tmp_path).start()
    try:
        made = make_look(neighbours, monkeypatch).file
        like = verify_look(made, trust_root(neighbours), now=NOW)
    finally:
        neighbours.stop()
    (tmp_path / FILE).write_bytes(encode_look(made))
    shutil.copy(neighbours.there.directory / "trust-root.note", tmp_path / ROOT)
    assert gist(like) == gist(verdict)


# From here on by the specification alone.


@pytest.fixture(scope="module")
def file() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((VECTORS / FILE).read_bytes())
    return loaded


def open_head(note: str) -> tuple[str, int, bytes]:
    """Check a head's signature by a key of the trust root, and return origin, size and root."""
    text, found = signatures(note)
    origin, size, top = text.decode().splitlines()
    root = json.loads((VECTORS / ROOT).read_text().rpartition("\n\n")[0])
    log = next(each for each in root["logs"] if each["origin"] == origin)
    name, key_id, _, public_key = key(log["keys"][0]["vkey"])
    public_key.verify(found[name, key_id], text)
    return origin, int(size), b64(top)


def test_entries_are_numbered_from_0_under_their_keys_and_lie_below_what_had_been_read(file: dict[str, Any]) -> None:
    keys = {each["epoch"]: b64(each["key"]) for each in file["epoch_keys"]}
    certificate = json.loads(b64(file["certificate"]))
    read_to = dict(certificate["read"]["logs"])
    numbers: list[tuple[int, int]] = []
    for log in file["logs"]:
        origin, size, top = open_head(log["head"])
        assert size >= read_to[origin]
        counters = dict.fromkeys(keys, 0)
        for entry in log["entries"]:
            leaf, counter = b64(entry["leaf"]), counters[entry["epoch"]]
            message = origin.encode() + b"\0\0" + counter.to_bytes(8, "big")
            assert leaf[42:74] == digest(keys[entry["epoch"]], message, "sha256")
            assert entry["index"] < read_to[origin]
            assert climb(sha256(b"\x00" + leaf).digest(), entry["index"], size, [b64(each) for each in entry["proof"]]) == top
            assert sha256(b64(entry["header"])).digest() == leaf[74:106]
            counters[entry["epoch"]] += 1
            numbers.append((counter, entry["index"]))
    assert [counter for counter, _ in numbers] == [0, 1, 2]


def test_the_last_entry_is_none_that_the_certificate_shows(file: dict[str, Any]) -> None:
    certificate = json.loads(b64(file["certificate"]))
    shown = {certificate["lines"][at]["leaf"] for at in certificate["results"]}
    entries = [entry["leaf"] for log in file["logs"] for entry in log["entries"]]
    assert [leaf in shown for leaf in entries] == [True, True, False]
