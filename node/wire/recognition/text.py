"""Checks and decisions as JSON, version 1: the bodies of their entries, and what a node keeps (docs/spec/recognition.md).

Members are those of the types in `node.domain.recognition`, bytes in base64. There is one text for each content: a reader
writes again what it read, and refuses anything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from node.domain.access import Actor
from node.domain.entry import InstitutionId
from node.domain.recognition import CheckOutcome, Decision, Pin, ReadLog
from node.domain.recognition_acts import CheckId, DecisionContent, DecisionId, OfferedResult
from node.errors import MalformedJsonError, UnknownFormatError
from node.wire.json_strict import check_document

FORMAT_VERSION: Final = 1
CHECKS_MEDIA_TYPE: Final = "application/vnd.concord.checks+json"
DECISION_MEDIA_TYPE: Final = "application/vnd.concord.decision+json"
_MAX_DEPTH: Final = 12

_ENCODER: Final = msgspec.json.Encoder()

Campus = Annotated[str, Meta(min_length=1, max_length=64)] | UnsetType
"""The campus where something is ordered; a text of an institution that names none has no such member."""


@dataclass(frozen=True, slots=True)
class ReadHeads:
    """What a check commits to of all logs that it was answered from."""

    logs: int
    """How many they were."""
    digest: bytes
    """Of how far each had been read, 32 bytes (`read_logs`)."""
    notes: tuple[bytes, ...]
    """Of each log of `read`, in its order, the signed head that was trusted then, with its cosignatures; empty where none was."""


@dataclass(frozen=True, slots=True)
class CheckText:
    """A check, whole."""

    check_id: CheckId
    """Names it."""
    actor: Actor
    """Who asked."""
    answered: bool
    """Whether there was an answer; if not, the order went ahead unchecked, and the outcome offers nothing."""
    outcome: CheckOutcome
    """What was answered."""
    read: tuple[ReadLog, ...] = ()
    """How far each log had been read in which one of its results is, by origin."""
    campus: Campus = UNSET
    """Where it is ordered."""
    heads: ReadHeads | UnsetType = UNSET
    """What it commits to of all logs; a check in which nothing was found has no such member."""


@dataclass(frozen=True, slots=True)
class DecisionText:
    """A decision, whole."""

    decision_id: DecisionId
    """Names it."""
    check_id: CheckId
    """The check that it rests on."""
    actor: Actor
    """Who decided."""
    encounter: str
    """The encounter, or empty."""
    decision: Decision
    """What was decided, in the clinician's words too."""
    results: tuple[OfferedResult, ...]
    """The results that are used, with their institutions."""
    told: tuple[InstitutionId, ...]
    """Institutions that are told of it."""
    campus: Campus = UNSET
    """Where it is ordered, as the check has it."""


@dataclass(frozen=True, slots=True)
class ReversalText:
    """What takes a decision back."""

    decision_id: DecisionId
    """The decision."""
    actor: Actor
    """Who took it back."""
    occurred_at_ms: int
    """When, unix ms."""


@dataclass(frozen=True, slots=True)
class _Checks:
    version: int
    checks: tuple[CheckText, ...]


@dataclass(frozen=True, slots=True)
class _Decision:
    version: int
    decision: DecisionText


@dataclass(frozen=True, slots=True)
class _Reversal:
    version: int
    reversal: ReversalText


TextT = TypeVar("TextT", _Checks, _Decision)


def encode_checks(checks: Sequence[CheckText]) -> bytes:
    """Encode checks."""
    return _ENCODER.encode(_Checks(FORMAT_VERSION, tuple(checks)))


def parse_checks(data: bytes) -> tuple[CheckText, ...]:
    """Parse checks.

    Raises:
        MalformedJsonError: It is something else.
        UnknownFormatError: A version that this release does not know.
    """
    return _parse(data, _Checks).checks


def encode_decision(decision: DecisionText) -> bytes:
    """Encode a decision."""
    return _ENCODER.encode(_Decision(FORMAT_VERSION, decision))


def parse_decision(data: bytes) -> DecisionText:
    """Parse a decision; raises as `parse_checks`."""
    return _parse(data, _Decision).decision


def encode_reversal(reversal: ReversalText) -> bytes:
    """Encode a reversal."""
    return _ENCODER.encode(_Reversal(FORMAT_VERSION, reversal))


def decision_content(text: DecisionText, pins: tuple[Pin, ...]) -> DecisionContent:
    """Return what the header says of a decision: all but the clinician's words."""
    decision = text.decision
    return DecisionContent(
        decision_id=text.decision_id,
        check_id=text.check_id,
        actor=text.actor,
        encounter=text.encounter,
        line=decision.line,
        outcome=decision.outcome,
        results=text.results,
        items=decision.items,
        reason=decision.reason,
        sub_reason=decision.sub_reason,
        saving_fen=decision.saving_fen,
        warned=decision.warned,
        pins=pins,
        decided_at_ms=decision.decided_at_ms,
        campus=text.campus or "",
    )


def _parse(data: bytes, kind: type[TextT]) -> TextT:
    check_document(data, _MAX_DEPTH)
    try:
        found = msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        raise MalformedJsonError("/", f"not what it has to be: {type(error).__name__}") from error
    if found.version != FORMAT_VERSION:
        raise UnknownFormatError("recognition text version", found.version)
    if _ENCODER.encode(found) != data:
        raise MalformedJsonError("/", "not written as this release writes it")
    return found
