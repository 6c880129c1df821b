"""Events of one step as bytes: what is kept of entries once they were read, so that none has to be opened again.

A batch is one byte of version and MessagePack. It stays at the node that made it. Left out: sealing it
(`node.services.oversight.figures`): it names persons by pseudonym, encounters and order lines.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from node.domain.entry import InstitutionId
from node.errors import MalformedEventsError, UnknownFormatError
from node.supervision.events import (
    DecisionReversed,
    FigureEvent,
    LineChecked,
    LineDecided,
    LineUnchecked,
    Performed,
    Retrieved,
)

VERSION: Final = b"\x01"


@dataclass(frozen=True, slots=True)
class AnchoredRun:
    """Entries of one log that were seen at one time and anchored by one head."""

    institution: InstitutionId
    """Whose."""
    seen_at_ms: int
    """When the checkpoint that covers them was first seen, unix ms."""
    anchored_at_ms: int
    """The time of the block that accepted the head, unix ms."""
    entries: int
    """How many."""


class _Batch(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    checked: list[LineChecked] = []
    unchecked: list[LineUnchecked] = []
    decided: list[LineDecided] = []
    reversed: list[DecisionReversed] = []
    performed: list[Performed] = []
    retrieved: list[Retrieved] = []
    anchored: list[AnchoredRun] = []


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(_Batch)


def encode_batch(events: Iterable[FigureEvent], anchored: Iterable[AnchoredRun]) -> bytes:
    """Encode events; their order does not matter to figures, and is not kept."""
    batch = _Batch(anchored=list(anchored))
    for event in events:
        match event:
            case LineChecked():
                batch.checked.append(event)
            case LineUnchecked():
                batch.unchecked.append(event)
            case LineDecided():
                batch.decided.append(event)
            case DecisionReversed():
                batch.reversed.append(event)
            case Performed():
                batch.performed.append(event)
            case Retrieved():
                batch.retrieved.append(event)
    return VERSION + _ENCODER.encode(batch)


def parse_batch(data: bytes) -> tuple[list[FigureEvent], list[AnchoredRun]]:
    """Parse a batch.

    Raises:
        MalformedEventsError: It is none.
        UnknownFormatError: A version that this release does not know.
    """
    if data[:1] != VERSION:
        raise UnknownFormatError("figure events", data[:1].hex())
    try:
        batch = _DECODER.decode(data[1:])
    except msgspec.MsgspecError as error:
        raise MalformedEventsError from error
    events: list[FigureEvent] = [*batch.checked, *batch.unchecked, *batch.decided, *batch.reversed]
    return [*events, *batch.performed, *batch.retrieved], batch.anchored
