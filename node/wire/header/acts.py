"""The texts of headers that describe an act instead of a record (docs/spec/header.md).

`format_version` 2: after the pseudonym comes one object `act`, whose `about` says what it is: access, consent, code or
relocation here, what is logged of recognition in `recognition`. Left out: the padding and the pseudonym's slot, which
are those of every header (`text`).
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger.hashing import HASH_BYTES
from node.domain.access import (
    AccessContent,
    AccessOutcome,
    AccessSide,
    BlockStamp,
    CodeContent,
    ConsentContent,
    ConsentId,
    Purpose,
    RequestId,
)
from node.domain.entry import InstitutionId
from node.domain.header import RelocationContent
from node.domain.recognition_acts import CheckContent, DecisionContent, RecognitionContent, ReversalContent
from node.wire.actors import actor_of
from node.wire.header.recognition import Check, Decision, Reversal, content_of_recognition, shape_of_recognition
from node.wire.header.shapes import (
    MAX_NUMBER,
    ActorShape,
    Content,
    Reference,
    Shape,
    content_of,
    reference_of,
    shape_of,
    shape_of_actor,
    shape_of_reference,
)
from node.wire.json_shape import TimeMs

ActContent = AccessContent | ConsentContent | CodeContent | RelocationContent | RecognitionContent

_Hex32 = Annotated[str, Meta(pattern=rf"\A[0-9a-f]{{{2 * HASH_BYTES}}}\Z")]
_RequestId = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]


class _Block(Shape):
    number: Annotated[int, Meta(ge=0, le=MAX_NUMBER)]
    hash: _Hex32


class _Access(Shape, tag_field="about", tag="access"):
    request_id: _RequestId
    side: AccessSide
    counterpart: str
    actor: ActorShape
    purpose: Purpose
    outcome: AccessOutcome
    reason: str
    consent_id: _Hex32 | None
    consent_block: _Block | None
    emergency_id: _Hex32 | None
    subjects: list[Reference]
    occurred_at_ms: TimeMs
    encounter: str


class _Consent(Shape, tag_field="about", tag="consent"):
    consent_id: _Hex32
    asserted: bool
    granter: str
    grantee: str
    purposes: list[Purpose]
    expires_at_ms: TimeMs
    revoked: bool
    occurred_at_ms: TimeMs


class _Code(Shape, tag_field="about", tag="code"):
    what: str
    institution: str
    actor: ActorShape
    emergency_id: _Hex32 | None
    request_id: _RequestId
    occurred_at_ms: TimeMs


class _Relocation(Shape, tag_field="about", tag="relocation"):
    target: Reference
    target_type: Annotated[int, Meta(ge=1, le=255)]
    reason: str
    consent_id: _Hex32 | None
    record: Content


Act = _Access | _Consent | _Code | _Relocation | Check | Decision | Reversal

_ENCODER: Final = msgspec.json.Encoder()


def encode_act(content: ActContent) -> bytes:
    """Encode an act as the member that follows the pseudonym, without the braces around the text."""
    return b'"act":' + _ENCODER.encode(_shape(content))


def act_content(act: Act) -> ActContent:
    """Return what a decoded act says."""
    match act:
        case _Access():
            return _access(act)
        case _Consent():
            return ConsentContent(
                consent_id=ConsentId(bytes.fromhex(act.consent_id)),
                asserted=act.asserted,
                granter=InstitutionId(act.granter),
                grantee=InstitutionId(act.grantee),
                purposes=tuple(act.purposes),
                expires_at_ms=act.expires_at_ms,
                revoked=act.revoked,
                occurred_at_ms=act.occurred_at_ms,
            )
        case _Code():
            return CodeContent(
                what=act.what,
                institution=InstitutionId(act.institution),
                actor=actor_of(act.actor),
                emergency_id=_unhex(act.emergency_id),
                request_id=RequestId(act.request_id),
                occurred_at_ms=act.occurred_at_ms,
            )
        case _Relocation():
            return RelocationContent(
                target=reference_of(act.target),
                target_type=act.target_type,
                reason=act.reason,
                consent_id=_consent_id(act.consent_id),
                record=content_of(act.record),
            )
        case Check() | Decision() | Reversal():
            return content_of_recognition(act)


def _shape(content: ActContent) -> Act:
    match content:
        case AccessContent():
            return _access_shape(content)
        case ConsentContent():
            return _Consent(
                consent_id=content.consent_id.hex(),
                asserted=content.asserted,
                granter=content.granter,
                grantee=content.grantee,
                purposes=list(content.purposes),
                expires_at_ms=content.expires_at_ms,
                revoked=content.revoked,
                occurred_at_ms=content.occurred_at_ms,
            )
        case CodeContent():
            return _Code(
                what=content.what,
                institution=content.institution,
                actor=shape_of_actor(content.actor),
                emergency_id=_hex(content.emergency_id),
                request_id=content.request_id,
                occurred_at_ms=content.occurred_at_ms,
            )
        case RelocationContent():
            return _Relocation(
                target=shape_of_reference(content.target),
                target_type=content.target_type,
                reason=content.reason,
                consent_id=_hex(content.consent_id),
                record=shape_of(content.record),
            )
        case CheckContent() | DecisionContent() | ReversalContent():
            return shape_of_recognition(content)


def _access(act: _Access) -> AccessContent:
    block = act.consent_block
    return AccessContent(
        request_id=RequestId(act.request_id),
        side=act.side,
        counterpart=InstitutionId(act.counterpart),
        actor=actor_of(act.actor),
        purpose=act.purpose,
        outcome=act.outcome,
        reason=act.reason,
        consent_id=_consent_id(act.consent_id),
        consent_block=None if block is None else BlockStamp(block.number, bytes.fromhex(block.hash)),
        emergency_id=_unhex(act.emergency_id),
        subjects=tuple(reference_of(subject) for subject in act.subjects),
        occurred_at_ms=act.occurred_at_ms,
        encounter=act.encounter,
    )


def _access_shape(content: AccessContent) -> _Access:
    block = content.consent_block
    return _Access(
        request_id=content.request_id,
        side=content.side,
        counterpart=content.counterpart,
        actor=shape_of_actor(content.actor),
        purpose=content.purpose,
        outcome=content.outcome,
        reason=content.reason,
        consent_id=_hex(content.consent_id),
        consent_block=None if block is None else _Block(block.number, block.block_hash.hex()),
        emergency_id=_hex(content.emergency_id),
        subjects=[shape_of_reference(subject) for subject in content.subjects],
        occurred_at_ms=content.occurred_at_ms,
        encounter=content.encounter,
    )


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()


def _unhex(value: str | None) -> bytes | None:
    return None if value is None else bytes.fromhex(value)


def _consent_id(value: str | None) -> ConsentId | None:
    return None if value is None else ConsentId(bytes.fromhex(value))
