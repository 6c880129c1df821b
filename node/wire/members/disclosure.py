"""What a requester asks a holder, and how the answer begins (docs/spec/retrieval.md "Request").

A request is about one entry: whether two entries are one patient's, or exist, must not show in what is granted and what is
not. The sealing key is not in it: it comes from the registry. Left out: signatures (`http_signature`), the stream that the
answer is (`sealed_stream`).
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger.notes import decode_base64
from node.domain.access import Actor, BlockStamp, ConsentId, Purpose, RequestId
from node.domain.consent import ConsentSalt, PresentedConsent
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.errors import MalformedDisclosureError, UnknownFormatError
from node.wire.actors import actor_of
from node.wire.json_strict import check_document

VERSION: Final = 1
DISCLOSURE_MEDIA_TYPE: Final = "application/vnd.concord.disclosure"
MAX_CONSENTS: Final = 4

_DEPTH: Final = 6
_MAX_INDEX: Final = 2**48
_Hex32 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Text = Annotated[str, Meta(max_length=128)]


@dataclass(frozen=True, slots=True)
class CitedEmergency:
    """An emergency, as a requester cites it."""

    emergency_id: bytes
    """Its id, 32 bytes."""
    salt: bytes
    """Opens its digest, 32 bytes."""
    statement: bytes
    """Who, why and for whom; what the digest is of."""
    message: bytes
    """The signed message that opens it on chain, for while the chain is away; empty once it is there."""


@dataclass(frozen=True, slots=True)
class DisclosureRequest:
    """A request for one entry's parts."""

    request_id: RequestId
    """Its name; both sides log it. A retry bears the same."""
    audience: InstitutionId
    """Who is asked."""
    purpose: Purpose
    """Why."""
    actor: Actor
    """Who asks."""
    subject: LeafReference
    """The entry."""
    leaf_index: int
    """Where it is in its log."""
    parts: tuple[int, ...] | None
    """Numbers of the parts that are wanted, the manifest always; None for all."""
    consents: tuple[PresentedConsent, ...]
    """What it rests on."""
    emergency: CitedEmergency | None
    """Or that."""
    encounter: str
    """The encounter in which it is asked, or empty."""


@dataclass(frozen=True, slots=True)
class DisclosureBasis:
    """What a disclosure rests on, as the holder logged it: the requester logs the same."""

    consent: ConsentId | None
    """The consent, one of those that were shown."""
    stamp: BlockStamp | None
    """The block in whose state it was read."""
    emergency_id: bytes | None
    """The emergency, 32 bytes."""


class _Shape(msgspec.Struct, forbid_unknown_fields=True):
    pass


class _Actor(_Shape):
    institution: _Text
    department: _Text
    staff_number: _Text
    licence_number: _Text
    authentication: _Text
    role: _Text


class _Subject(_Shape):
    origin: Annotated[str, Meta(max_length=255)]
    leaf_hash: _Hex32
    leaf_index: Annotated[int, Meta(ge=0, lt=_MAX_INDEX)]


class _Consent(_Shape):
    consent_id: _Hex32
    salt: _Hex32
    scope: Annotated[str, Meta(max_length=32_768)]


class _Emergency(_Shape):
    emergency_id: _Hex32
    salt: _Hex32
    statement: Annotated[str, Meta(max_length=8_192)]
    message: Annotated[str, Meta(max_length=4_096)]


class _Request(_Shape):
    version: int
    request_id: Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
    audience: _Text
    purpose: Purpose
    actor: _Actor
    subject: _Subject
    parts: Annotated[list[Annotated[int, Meta(ge=1, lt=65_536)]], Meta(max_length=4_096)] | None
    consents: Annotated[list[_Consent], Meta(max_length=MAX_CONSENTS)]
    emergency: _Emergency | None
    encounter: _Text


class _Block(_Shape):
    number: Annotated[int, Meta(ge=0)]
    hash: _Hex32


class _Basis(_Shape):
    version: int
    consent_id: _Hex32 | None
    block: _Block | None
    emergency_id: _Hex32 | None


def encode_basis(basis: DisclosureBasis) -> bytes:
    """Encode what a disclosure rests on."""
    block = None if basis.stamp is None else _Block(basis.stamp.number, basis.stamp.block_hash.hex())
    consent = None if basis.consent is None else basis.consent.hex()
    return msgspec.json.encode(_Basis(VERSION, consent, block, None if basis.emergency_id is None else basis.emergency_id.hex()))


def parse_basis(data: bytes) -> DisclosureBasis:
    """Parse what a disclosure rests on.

    Raises:
        MalformedJsonError: It is no JSON that can be read in one way only.
        UnknownFormatError: Another version.
        MalformedDisclosureError: It is something else.
    """
    check_document(data, _DEPTH)
    try:
        shape = msgspec.json.decode(data, type=_Basis)
    except msgspec.MsgspecError as error:
        raise MalformedDisclosureError("what it rests on lacks a field, or has one too many") from error
    if shape.version != VERSION:
        raise UnknownFormatError("disclosure version", shape.version)
    return DisclosureBasis(
        None if shape.consent_id is None else ConsentId(bytes.fromhex(shape.consent_id)),
        None if shape.block is None else BlockStamp(shape.block.number, bytes.fromhex(shape.block.hash)),
        None if shape.emergency_id is None else bytes.fromhex(shape.emergency_id),
    )


def encode_request(request: DisclosureRequest) -> bytes:
    """Encode a request; the same request has the same bytes."""
    actor, emergency = request.actor, request.emergency
    shape = _Request(
        version=VERSION,
        request_id=request.request_id,
        audience=request.audience,
        purpose=request.purpose,
        actor=_Actor(
            actor.institution,
            actor.department,
            actor.staff_number,
            actor.licence_number,
            actor.authentication,
            actor.role,
        ),
        subject=_Subject(request.subject.origin, request.subject.leaf_hash.hex(), request.leaf_index),
        parts=None if request.parts is None else list(request.parts),
        consents=[_Consent(each.consent.hex(), each.salt.hex(), _base64(each.scope)) for each in request.consents],
        emergency=None
        if emergency is None
        else _Emergency(
            emergency.emergency_id.hex(), emergency.salt.hex(), _base64(emergency.statement), _base64(emergency.message)
        ),
        encounter=request.encounter,
    )
    return msgspec.json.encode(shape)


def parse_request(data: bytes) -> DisclosureRequest:
    """Parse a request.

    Raises:
        MalformedJsonError: It is no JSON that can be read in one way only.
        UnknownFormatError: Another version.
        MalformedDisclosureError: It is no request; no value of it is repeated.
    """
    check_document(data, _DEPTH)
    try:
        shape = msgspec.json.decode(data, type=_Request)
        consents = tuple(_consent(each) for each in shape.consents)
        emergency = None if shape.emergency is None else _emergency(shape.emergency)
    except (msgspec.MsgspecError, ValueError) as error:
        raise MalformedDisclosureError("it lacks a field, or has one that no request has") from error
    if shape.version != VERSION:
        raise UnknownFormatError("disclosure request version", shape.version)
    return DisclosureRequest(
        request_id=RequestId(shape.request_id),
        audience=InstitutionId(shape.audience),
        purpose=shape.purpose,
        actor=actor_of(shape.actor),
        subject=LeafReference(Origin(shape.subject.origin), bytes.fromhex(shape.subject.leaf_hash)),
        leaf_index=shape.subject.leaf_index,
        parts=None if shape.parts is None else tuple(sorted(set(shape.parts))),
        consents=consents,
        emergency=emergency,
        encounter=shape.encounter,
    )


def _consent(shape: _Consent) -> PresentedConsent:
    return PresentedConsent(
        ConsentId(bytes.fromhex(shape.consent_id)), ConsentSalt(bytes.fromhex(shape.salt)), _from_base64(shape.scope)
    )


def _emergency(shape: _Emergency) -> CitedEmergency:
    return CitedEmergency(
        bytes.fromhex(shape.emergency_id), bytes.fromhex(shape.salt), _from_base64(shape.statement), _from_base64(shape.message)
    )


def _base64(value: bytes) -> str:
    return b64encode(value).decode()


def _from_base64(text: str) -> bytes:
    value = decode_base64(text)
    if value is None:
        raise ValueError("not base64")
    return value
