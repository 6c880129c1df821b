"""CDS Hooks 2.0, "Feedback": what a client says of cards (docs/spec/recognition.md).

Strict as the request (`cds_hooks`): members that the specification does not have are refused. Left out: what it means here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from node.errors import MalformedParameterError
from node.wire.json_shape import parse_shape

MAX_FEEDBACK: Final = 100
_MAX_DEPTH: Final = 16
_UUID: Final = r"\A[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z"
_Uuid = Annotated[str, Meta(pattern=_UUID)]
_Text = Annotated[str, Meta(max_length=2_000)]


class _Element(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Nothing that the specification does not have; extensions are not looked at."""

    extension: dict[str, Any] | UnsetType = msgspec.field(default=UNSET)


class _Suggestion(_Element, kw_only=True):
    id: _Uuid


class _Coding(_Element, kw_only=True):
    code: Annotated[str, Meta(min_length=1, max_length=255)]
    system: Annotated[str, Meta(max_length=255)] = ""
    display: _Text = ""
    version: Annotated[str, Meta(max_length=255)] = ""


class _Override(_Element, kw_only=True):
    reason: _Coding | UnsetType = UNSET
    user_comment: _Text | UnsetType = UNSET


class _Feedback(_Element, kw_only=True):
    card: _Uuid
    outcome: Literal["accepted", "overridden"]
    outcome_timestamp: Annotated[datetime, Meta(tz=True)]
    accepted_suggestions: Annotated[list[_Suggestion], Meta(max_length=10)] = []
    override_reason: _Override | UnsetType = UNSET


class _Body(_Element, kw_only=True):
    feedback: Annotated[list[_Feedback], Meta(max_length=MAX_FEEDBACK)]


@dataclass(frozen=True, slots=True)
class CardFeedback:
    """What a client says of one card."""

    card: str
    """The card's UUID, lower case."""
    suggestions: tuple[str, ...]
    """UUIDs of the suggestions that were accepted, lower case; none where the card was overridden."""
    reason_system: str
    """System of the reason, or empty."""
    reason_code: str
    """The reason why it was overridden; empty where none was chosen."""
    comment: str
    """In the clinician's words, or empty; sensitive."""
    said_at_ms: int
    """When the clinician acted, unix ms."""

    @property
    def is_accepted(self) -> bool:
        """Tell whether a suggestion was accepted; otherwise the card was overridden."""
        return bool(self.suggestions)

    @property
    def digest(self) -> bytes:
        """What tells it from other feedback on the card, 32 bytes: all but the time, which differs when it is sent again."""
        told = (self.card, self.suggestions, self.reason_system, self.reason_code, self.comment)
        return hashlib.sha256(msgspec.json.encode(told)).digest()


def parse_feedback(data: bytes) -> tuple[CardFeedback, ...]:
    """Parse a request to a feedback endpoint.

    Raises:
        MalformedJsonError: It is no JSON that can be read in one way only.
        MalformedParameterError: It is no feedback of CDS Hooks 2.0.
    """
    body = parse_shape(data, _Body, _MAX_DEPTH)
    return tuple(_read(each) for each in body.feedback)


def _read(each: _Feedback) -> CardFeedback:
    if (each.outcome == "accepted") != bool(each.accepted_suggestions):
        raise MalformedParameterError("feedback.acceptedSuggestions", "accepted has them, and overridden has not")
    override = _Override() if each.override_reason is UNSET else each.override_reason
    reason = None if override.reason is UNSET else override.reason
    return CardFeedback(
        card=each.card.lower(),
        suggestions=tuple(suggestion.id.lower() for suggestion in each.accepted_suggestions),
        reason_system="" if reason is None else reason.system,
        reason_code="" if reason is None else reason.code,
        comment="" if override.user_comment is UNSET else override.user_comment,
        said_at_ms=int(each.outcome_timestamp.astimezone(UTC).timestamp() * 1000),
    )
