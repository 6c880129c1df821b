"""Envelope of a message between members, the signed body of `POST /v1/inbox` (docs/spec/retrieval.md "Outbox").

Who sends it is whoever signed the request; an envelope does not say. What a body means, its kind's handler knows.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from node.domain.entry import InstitutionId
from node.domain.message import MemberMessage, MessageId
from node.errors import MalformedMessageError, UnknownFormatError
from node.wire.json_shape import TimeMs
from node.wire.json_strict import check_document

_VERSION: Final = 1
_DEPTH: Final = 16
_ID: Final = re.compile(r"[0-9a-f]{32}")
_KIND: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")
_MAX_SUBJECT: Final = 255


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    message_id: str
    kind: str
    audience: str
    subject: str
    created_at_ms: TimeMs
    body: msgspec.Raw


def encode_message(message: MemberMessage) -> bytes:
    """Encode a message's envelope."""
    return msgspec.json.encode(
        _Envelope(
            version=_VERSION,
            message_id=message.message_id,
            kind=message.kind,
            audience=message.recipient,
            subject=message.subject,
            created_at_ms=message.created_at_ms,
            body=msgspec.Raw(message.body),
        )
    )


def parse_message(data: bytes, sender: InstitutionId) -> MemberMessage:
    """Parse an envelope.

    Args:
        data: The signed body.
        sender: Who signed it.

    Raises:
        MalformedJsonError: It is no JSON that can be read in one way only.
        UnknownFormatError: It has another version.
        MalformedMessageError: It is no envelope.
    """
    check_document(data, _DEPTH)
    try:
        parsed = msgspec.json.decode(data, type=_Envelope)
    except msgspec.MsgspecError as error:
        raise MalformedMessageError("it lacks a field, or has one that no envelope has") from error
    if parsed.version != _VERSION:
        raise UnknownFormatError("message version", parsed.version)
    if not _ID.fullmatch(parsed.message_id) or not _KIND.fullmatch(parsed.kind) or len(parsed.subject) > _MAX_SUBJECT:
        raise MalformedMessageError("its id, kind or subject is none")
    return MemberMessage(
        message_id=MessageId(parsed.message_id),
        kind=parsed.kind,
        sender=sender,
        recipient=InstitutionId(parsed.audience),
        subject=parsed.subject,
        body=bytes(parsed.body),
        created_at_ms=parsed.created_at_ms,
    )
