"""Texts of headers about recognition, as committed: whoever writes another implementation has to read and write these bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from node.domain.recognition_acts import CheckContent, DecisionContent, ReversalContent
from node.wire.header.text import encode_content, encode_text, parse_text, text_version

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "wire" / "header-recognition.json").read_text(encoding="utf-8")
)["texts"]
ABOUT = {"check": CheckContent, "decision": DecisionContent, "reversal": ReversalContent}


@pytest.mark.parametrize("at", range(len(VECTORS)), ids=[case["name"] for case in VECTORS])
def test_a_text_reads_and_writes(at: int) -> None:
    case = VECTORS[at]
    body = json.dumps({"act": case["act"]}, ensure_ascii=False, separators=(",", ":"))[1:]
    pseudonym = "null".ljust(66) if case["pseudonym"] is None else f'"{case["pseudonym"]}"'
    text = f'{{"format_version":2,"pseudonym":{pseudonym},{body}'.encode()
    text += b" " * (-len(text) % 512)
    header = parse_text(text)
    assert isinstance(header.content, ABOUT[case["act"]["about"]])
    assert encode_text(encode_content(header.content), header.pseudonym, text_version(header.content)) == text
