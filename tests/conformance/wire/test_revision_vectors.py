"""Messages about revisions, as committed: whoever writes another implementation has to read and write these bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node import errors
from node.domain.entry import LeafReference, Origin
from node.domain.message import MessageId
from node.domain.revision_notice import NoticeChange
from node.wire.members.revisions import (
    ACKNOWLEDGEMENT_KIND,
    REVISION_KIND,
    AcknowledgementMessage,
    RevisionMessage,
    encode_acknowledgement_message,
    encode_revision_message,
    parse_acknowledgement_message,
    parse_revision_message,
)

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "wire" / "revision-messages.json").read_text(encoding="utf-8")
)
PARSE: dict[str, Callable[[bytes], object]] = {
    REVISION_KIND: parse_revision_message,
    ACKNOWLEDGEMENT_KIND: parse_acknowledgement_message,
}


def reference(named: list[str]) -> LeafReference:
    return LeafReference(Origin(named[0]), bytes.fromhex(named[1]))


@pytest.mark.parametrize("at", range(len(VECTORS["messages"])), ids=[case["name"] for case in VECTORS["messages"]])
def test_a_message_reads_and_writes(at: int) -> None:
    case = VECTORS["messages"][at]
    body = case["body"].encode()
    if case["kind"] == REVISION_KIND:
        concerned = tuple(reference(each) for each in case["concerned"])
        lifts = reference(case["lifts"]) if "lifts" in case else None
        told = RevisionMessage(NoticeChange(case["change"]), reference(case["entry"]), concerned, case["at_ms"], lifts)
        assert parse_revision_message(body) == told
        assert encode_revision_message(told) == body
    else:
        acknowledged = AcknowledgementMessage(MessageId(case["notice"]), case["at_ms"])
        assert parse_acknowledgement_message(body) == acknowledged
        assert encode_acknowledgement_message(acknowledged) == body


@pytest.mark.parametrize("at", range(len(VECTORS["refused"])), ids=[case["name"] for case in VECTORS["refused"]])
def test_what_is_none_is_refused_by_name(at: int) -> None:
    case = VECTORS["refused"][at]
    with pytest.raises(getattr(errors, case["error"])):
        PARSE[case["kind"]](case["body"].encode())
