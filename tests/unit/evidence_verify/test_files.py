from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from node.errors import MalformedEvidenceError, UnknownFormatError
from node.wire.evidence.file import MAX_EVIDENCE_BYTES, encode_evidence, parse_evidence
from tests.unit.evidence_verify.world import make_evidence

FILE = encode_evidence(make_evidence())


def edited(change: Callable[[dict[str, Any]], object]) -> bytes:
    shape = json.loads(FILE)
    change(shape)
    return json.dumps(shape).encode()


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.update(format="concord/other"),
        lambda file: file.update(key="added"),
        lambda file: file.pop("anchor"),
        lambda file: file.update(leaf="AA"),
        lambda file: file.update(leaf="AB=="),
        lambda file: file.update(leaf=" AA=="),
        lambda file: file.update(proof="\ud800"),
        lambda file: file["manifest"].update(number=1),
        lambda file: file["manifest"].update(full_url="urn:x"),
        lambda file: file["parts"].reverse(),
        lambda file: file["parts"].insert(0, file["parts"][0]),
        lambda file: file["parts"][0].update(number=0),
        lambda file: file["parts"][0].update(number=1.5),
        lambda file: file["parts"][0].update(salt="AAAA"),
        lambda file: file["parts"][0].update(full_url="\ud800"),
        lambda file: file["parts"][0]["proof"].append("AAAA"),
        lambda file: file["anchor"].update(size=-1),
        lambda file: file["anchor"].update(size=2**63),
        lambda file: file["anchor"].update(block_number=-1),
        lambda file: file["anchor"].update(contract="AAAA"),
        lambda file: file["anchor"].update(header="A"),
    ],
)
def test_what_is_no_evidence_is_unreadable(change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(MalformedEvidenceError):
        parse_evidence(edited(change))


def test_an_unknown_version_is_refused_by_name() -> None:
    with pytest.raises(UnknownFormatError, match="evidence version"):
        parse_evidence(edited(lambda file: file.update(version=2)))


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", FILE[:-1], FILE + FILE, b'{"format":"x","format":"x"}', b"[" * 99])
def test_what_is_no_json_object_of_that_kind_is_unreadable(data: bytes) -> None:
    with pytest.raises(MalformedEvidenceError):
        parse_evidence(data)


def test_the_length_is_limited() -> None:
    with pytest.raises(MalformedEvidenceError, match="limit"):
        parse_evidence(bytes(MAX_EVIDENCE_BYTES + 1))
