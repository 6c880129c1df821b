"""An entry of a recall, as committed, and statements that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from node.domain.entry import Origin
from node.domain.recall import RecallCriteria, RecallId, RecallPage, RecallReason
from node.errors import MalformedJsonError, MalformedPublicEntryError, UnknownFormatError, WireError
from node.wire.public_entry import open_public_entry, tombstone_entry
from node.wire.recall_entry import encode_recall, parse_recall, recall_entry, recalled_by
from tests.conformance.wire.test_vectors import replay
from tests.unit.wire_formats.samples import NOW_MS, ORIGIN
from tests.unit.wire_formats.test_public_entry import TARGET

VECTOR: dict[str, Any] = json.loads((Path(__file__).parent.parent / "vectors" / "wire" / "recall.json").read_text(encoding="utf-8"))
STATEMENT: dict[str, Any] = VECTOR["statement"]


def page() -> RecallPage:
    criteria = RecallCriteria(*(STATEMENT[name] for name in ("item", "device", "lot", "from_ms", "to_ms")))
    hashes = tuple(bytes.fromhex(each) for each in STATEMENT["leaf_hashes"])
    total, number, pages = STATEMENT["total"], STATEMENT["page"], STATEMENT["pages"]
    return RecallPage(RecallId(STATEMENT["recall_id"]), criteria, RecallReason(STATEMENT["reason"]), total, number, pages, hashes)


def test_the_entry_reads_and_writes() -> None:
    secret, tag = bytes.fromhex(VECTOR["secret"]), bytes.fromhex(VECTOR["tag"])
    made = recall_entry(Origin(VECTOR["origin"]), page(), VECTOR["claimed_time_ms"], replay(secret, tag))
    assert (made.header.hex(), made.leaf.hex()) == (VECTOR["slot"], VECTOR["leaf"])
    assert recalled_by(open_public_entry(made.leaf, made.header, Origin(VECTOR["origin"]))) == page()
    assert json.loads(encode_recall(page())) == STATEMENT


def test_another_public_entry_recalls_nothing() -> None:
    tombstone = tombstone_entry(ORIGIN, TARGET, NOW_MS)
    with pytest.raises(MalformedPublicEntryError, match="not a recall"):
        recalled_by(open_public_entry(tombstone.leaf, tombstone.header, ORIGIN))


REFUSED: dict[str, tuple[dict[str, object], type[WireError]]] = {
    "a later version": ({"statement_version": 2}, UnknownFormatError),
    "nothing searched for": ({"item": "", "device": "", "lot": ""}, MalformedJsonError),
    "a name that steers terminals": ({"lot": "L\u001b[2J"}, MalformedJsonError),
    "a name too long": ({"lot": "L" * 129}, MalformedJsonError),
    "no period": ({"to_ms": STATEMENT["from_ms"]}, MalformedJsonError),
    "a time too late": ({"to_ms": 2**48}, MalformedJsonError),
    "a reason that nobody knows": ({"reason": "mood"}, MalformedJsonError),
    "no results": ({"leaf_hashes": []}, MalformedJsonError),
    "a result twice": ({"leaf_hashes": [STATEMENT["leaf_hashes"][0]] * 2}, MalformedJsonError),
    "half a hash": ({"leaf_hashes": ["ab"]}, MalformedJsonError),
    "fewer than it lists": ({"total": 1}, MalformedJsonError),
    "more than its pages hold": ({"total": 2001}, MalformedJsonError),
    "a page beyond the last": ({"page": 3}, MalformedJsonError),
    "an origin": ({"origin": "other.example/log"}, MalformedJsonError),
    "no id": ({"recall_id": "x"}, MalformedJsonError),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_statement_that_is_none_is_refused(name: str) -> None:
    change, error = REFUSED[name]
    with pytest.raises(error):
        parse_recall(json.dumps(STATEMENT | change).encode())
