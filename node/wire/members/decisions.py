"""What an institution is told of decisions on its results: the body of messages of kind `decision` (docs/spec/recognition.md).

No patient and no order: the issuer knows whose result it is. Left out: the envelope (`message`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from node.domain.entry import LeafReference, Origin
from node.domain.recognition_acts import DecisionId
from node.errors import MalformedJsonError, UnknownFormatError
from node.wire.header.shapes import HEX
from node.wire.json_shape import TimeMs
from node.wire.json_strict import check_document

DECISION_KIND: Final = "decision"
FORMAT_VERSION: Final = 1

Outcome = Literal["recognised", "reordered", "reversed"]

_MAX_DEPTH: Final = 3


@dataclass(frozen=True, slots=True)
class DecisionMessage:
    """What an issuer is told."""

    decision_id: DecisionId
    """Names the decision."""
    outcome: Outcome
    """What was decided, or that it was taken back."""
    results: tuple[LeafReference, ...]
    """The issuer's results: those that are used, or, of a re-order, those that had been offered."""
    reason: int | None
    """One of the six, where it is ordered again and a reason was given."""
    at_ms: int
    """When, unix ms."""


class _Shape(msgspec.Struct, forbid_unknown_fields=True):
    format_version: int
    decision_id: Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
    outcome: Outcome
    results: list[tuple[Annotated[str, Meta(min_length=1)], Annotated[str, Meta(pattern=HEX)]]]
    reason: Annotated[int, Meta(ge=1, le=6)] | None
    at_ms: TimeMs


def encode_decision_message(message: DecisionMessage) -> bytes:
    """Encode what an issuer is told."""
    results = [(str(each.origin), each.leaf_hash.hex()) for each in message.results]
    return msgspec.json.encode(_Shape(FORMAT_VERSION, message.decision_id, message.outcome, results, message.reason, message.at_ms))


def parse_decision_message(data: bytes) -> DecisionMessage:
    """Parse what an issuer is told.

    Raises:
        MalformedJsonError: It is something else.
        UnknownFormatError: A version that this release does not know.
    """
    check_document(data, _MAX_DEPTH)
    try:
        shape = msgspec.json.decode(data, type=_Shape)
    except msgspec.DecodeError as error:
        raise MalformedJsonError("/", "no message about a decision") from error
    if shape.format_version != FORMAT_VERSION:
        raise UnknownFormatError("decision message version", shape.format_version)
    results = tuple(LeafReference(Origin(origin), bytes.fromhex(leaf_hash)) for origin, leaf_hash in shape.results)
    return DecisionMessage(DecisionId(shape.decision_id), shape.outcome, results, shape.reason, shape.at_ms)
