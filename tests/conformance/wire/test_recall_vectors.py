"""Entries of a recall, as committed, and statements that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from node.domain.entry import Origin
from node.domain.recall import (
    LiftingReason,
    RecallAnnouncement,
    RecallCriteria,
    RecallId,
    RecallLifting,
    RecallListing,
    RecallReason,
    RecallStatement,
)
from node.domain.record import Kind
from node.errors import MalformedJsonError, MalformedPublicEntryError, UnknownFormatError, WireError
from node.wire.public_entry import open_public_entry, tombstone_entry
from node.wire.recall_entry import encode_recall, parse_recall, recall_entry, recall_statement
from tests.conformance.wire.test_vectors import replay
from tests.unit.wire_formats.samples import NOW_MS, ORIGIN
from tests.unit.wire_formats.test_public_entry import TARGET

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "wire" / "recall.json").read_text(encoding="utf-8")
)
ENTRIES: dict[str, dict[str, Any]] = {each["name"]: each for each in VECTORS["entries"]}
OLD = "a recall of version 1"


def said(statement: dict[str, Any]) -> RecallStatement:
    recall_id = RecallId(statement["recall_id"])
    if "leaf_hashes" in statement:
        return RecallListing(recall_id, tuple(bytes.fromhex(each) for each in statement["leaf_hashes"]))
    if "lot" not in statement:
        return RecallLifting(recall_id, LiftingReason(statement["reason"]))
    criteria = RecallCriteria(*(statement[name] for name in ("item", "device", "lot", "from_ms", "to_ms")))
    return RecallAnnouncement(recall_id, criteria, RecallReason(statement["reason"]))


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_reads(name: str) -> None:
    case, origin = ENTRIES[name], Origin(VECTORS["origin"])
    opened = open_public_entry(bytes.fromhex(case["leaf"]), bytes.fromhex(case["slot"]), origin)
    assert opened.manifest.kind == case["kind"]
    assert recall_statement(opened) == said(case["statement"])


@pytest.mark.parametrize("name", [name for name in ENTRIES if name != OLD])
def test_an_entry_writes(name: str) -> None:
    case = ENTRIES[name]
    secret, tag = bytes.fromhex(case["secret"]), bytes.fromhex(case["tag"])
    made = recall_entry(Origin(VECTORS["origin"]), said(case["statement"]), case["claimed_time_ms"], replay(secret, tag))
    assert (made.header.hex(), made.leaf.hex()) == (case["slot"], case["leaf"])
    assert json.loads(encode_recall(said(case["statement"]))) == case["statement"]


def test_another_public_entry_recalls_nothing() -> None:
    tombstone = tombstone_entry(ORIGIN, TARGET, NOW_MS)
    with pytest.raises(MalformedPublicEntryError, match="not one statement about a recall"):
        recall_statement(open_public_entry(tombstone.leaf, tombstone.header, ORIGIN))


HASHES: list[str] = ENTRIES["a list"]["statement"]["leaf_hashes"]
FROM_MS: int = ENTRIES[OLD]["statement"]["from_ms"]
REFUSED: list[tuple[str, str, dict[str, object], type[WireError]]] = [
    ("an announcement", "a later version", {"statement_version": 3}, UnknownFormatError),
    ("an announcement", "what version 1 had", {"statement_version": 1}, MalformedJsonError),
    ("an announcement", "a list in itself", {"leaf_hashes": HASHES}, MalformedJsonError),
    ("an announcement", "nothing searched for", {"item": "", "device": "", "lot": ""}, MalformedJsonError),
    ("an announcement", "a name that steers terminals", {"lot": "L\u001b[2J"}, MalformedJsonError),
    ("an announcement", "a name too long", {"lot": "L" * 129}, MalformedJsonError),
    ("an announcement", "no period", {"to_ms": FROM_MS}, MalformedJsonError),
    ("an announcement", "a time too late", {"to_ms": 2**48}, MalformedJsonError),
    ("an announcement", "a reason that nobody knows", {"reason": "mood"}, MalformedJsonError),
    ("an announcement", "an origin", {"origin": "other.example/log"}, MalformedJsonError),
    ("an announcement", "no id", {"recall_id": "x"}, MalformedJsonError),
    ("a list", "a later version", {"statement_version": 2}, UnknownFormatError),
    ("a list", "no results", {"leaf_hashes": []}, MalformedJsonError),
    ("a list", "a result twice", {"leaf_hashes": [HASHES[0]] * 2}, MalformedJsonError),
    ("a list", "half a hash", {"leaf_hashes": ["ab"]}, MalformedJsonError),
    ("a list", "an origin", {"origin": "other.example/log"}, MalformedJsonError),
    ("a lifting", "a later version", {"statement_version": 2}, UnknownFormatError),
    ("a lifting", "a reason that nobody knows", {"reason": "mood"}, MalformedJsonError),
    ("a lifting", "an origin", {"origin": "other.example/log"}, MalformedJsonError),
    ("a lifting", "no id", {"recall_id": "x"}, MalformedJsonError),
    (OLD, "fewer than it lists", {"total": 1}, MalformedJsonError),
    (OLD, "more than its pages hold", {"total": 2001}, MalformedJsonError),
    (OLD, "a page beyond the last", {"page": 3}, MalformedJsonError),
    (OLD, "a result twice", {"leaf_hashes": [HASHES[0]] * 2}, MalformedJsonError),
    (OLD, "no period", {"to_ms": FROM_MS}, MalformedJsonError),
]


@pytest.mark.parametrize("at", range(len(REFUSED)), ids=[f"{name}: {what}" for name, what, _, _ in REFUSED])
def test_a_statement_that_is_none_is_refused(at: int) -> None:
    name, _, change, error = REFUSED[at]
    case = ENTRIES[name]
    with pytest.raises(error):
        parse_recall(Kind(case["kind"]), json.dumps(case["statement"] | change).encode())
