"""What institutions and the code service tell each other: JSON inside NaCl SealedBoxes (docs/spec/code-service.md).

Requests are sealed to the code service's exchange key and answers to the asker's, inside signed exchanges: document numbers
and keys are never in clear on the way, whatever carries them. Left out: signatures (`http_signature`), who may ask.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from ledger.hashing import HASH_BYTES
from node.domain.access import Actor, RequestId
from node.domain.codes import CodeEvent, CodeOperation, IdentityDocument
from node.domain.entry import InstitutionId
from node.domain.patient import PatientKeys, PatientSeed
from node.errors import MalformedCodeMessageError, MalformedJsonError, UnknownFormatError
from node.wire.json_strict import check_document

MAX_LAYERS: Final = 200
"""Boxes that a custodian opens for one request."""

_VERSION: Final = 1
_MAX_DEPTH: Final = 4
_Hex32 = Annotated[str, Meta(pattern=rf"\A[0-9a-f]{{{2 * HASH_BYTES}}}\Z")]
_RequestId = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
_Text = Annotated[str, Meta(min_length=1, max_length=64)]
_MaybeText = Annotated[str, Meta(max_length=64)]


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """What an institution asks of the code service."""

    operation: CodeOperation
    """What."""
    request_id: RequestId
    """Names the request."""
    document: IdentityDocument = field(repr=False)
    """Whose code."""
    actor: Actor
    """Who asks."""
    reference: bytes | None
    """By which the institution finds its patient when keys are re-issued, 32 bytes; says nothing to others."""
    card: str = field(default="", repr=False)
    """The card that the patient's own tool made; empty: the code service draws a seed."""
    emergency_id: bytes | None = None
    """Id of the emergency on chain, 32 bytes."""
    merges: bool = False
    """Whether a provisional code is merged into the patient's own."""


@dataclass(frozen=True, slots=True)
class CodeAnswer:
    """What the code service answers."""

    card: str = field(repr=False)
    """Text of the QR code for a new code; else empty."""
    seed: PatientSeed | None = field(repr=False)
    """A seed that the code service drew, and forgets with this answer."""
    keys: PatientKeys | None
    """A patient's keys, released."""


@dataclass(frozen=True, slots=True)
class ReissuedKeys:
    """Keys that the code service sends on its own account."""

    reference: bytes
    """Whose, as the institution had named the patient."""
    event: CodeEvent
    """`changed` or `reissued`."""
    keys: PatientKeys
    """From now on."""


class _Shape(msgspec.Struct, forbid_unknown_fields=True):
    """Every object: nothing unknown, nothing missing."""


class _Actor(_Shape):
    department: _MaybeText
    staff_number: _Text
    licence_number: _MaybeText
    authentication: _Text
    role: _MaybeText


class _Request(_Shape):
    version: int
    operation: CodeOperation
    request_id: _RequestId
    document_kind: _Text
    document_number: _Text
    actor: _Actor
    reference: _Hex32 | None
    card: str
    emergency_id: _Hex32 | None
    merges: bool


class _Keys(_Shape):
    epoch_keys: dict[str, _Hex32]
    exchange_public_key: _Hex32
    signing_public_key: _Hex32
    pseudonym: _Hex32 | None


class _Answer(_Shape):
    version: int
    card: str
    seed: _Hex32 | None
    keys: _Keys | None


class _Reissued(_Shape):
    version: int
    reference: _Hex32
    event: CodeEvent
    keys: _Keys


class _Version(msgspec.Struct):
    version: int


_ShapeT = TypeVar("_ShapeT", bound=_Shape)


def encode_code_request(request: CodeRequest) -> bytes:
    """Encode a request, to be sealed."""
    actor = request.actor
    return msgspec.json.encode(
        _Request(
            version=_VERSION,
            operation=request.operation,
            request_id=request.request_id,
            document_kind=request.document.kind,
            document_number=request.document.number,
            actor=_Actor(actor.department, actor.staff_number, actor.licence_number, actor.authentication, actor.role),
            reference=None if request.reference is None else request.reference.hex(),
            card=request.card,
            emergency_id=None if request.emergency_id is None else request.emergency_id.hex(),
            merges=request.merges,
        )
    )


def parse_code_request(data: bytes, asker: InstitutionId) -> CodeRequest:
    """Parse a request of an institution, which is the actor's.

    Raises:
        MalformedCodeMessageError: It is none; the message repeats nothing of it.
        UnknownFormatError: A version that this release does not know.
    """
    shape = _decode(data, _Request, "request")
    actor = shape.actor
    return CodeRequest(
        operation=shape.operation,
        request_id=RequestId(shape.request_id),
        document=IdentityDocument(shape.document_kind, shape.document_number),
        actor=Actor(asker, actor.department, actor.staff_number, actor.licence_number, actor.authentication, actor.role),
        reference=None if shape.reference is None else bytes.fromhex(shape.reference),
        card=shape.card,
        emergency_id=None if shape.emergency_id is None else bytes.fromhex(shape.emergency_id),
        merges=shape.merges,
    )


def encode_code_answer(answer: CodeAnswer) -> bytes:
    """Encode an answer, to be sealed."""
    seed = None if answer.seed is None else answer.seed.hex()
    return msgspec.json.encode(_Answer(_VERSION, answer.card, seed, None if answer.keys is None else _shape(answer.keys)))


def parse_code_answer(data: bytes) -> CodeAnswer:
    """Parse an answer.

    Raises:
        MalformedCodeMessageError: It is none.
        UnknownFormatError: A version that this release does not know.
    """
    shape = _decode(data, _Answer, "answer")
    seed = None if shape.seed is None else PatientSeed(bytes.fromhex(shape.seed))
    return CodeAnswer(shape.card, seed, None if shape.keys is None else _keys(shape.keys))


def encode_reissued(reissued: ReissuedKeys) -> bytes:
    """Encode keys that are sent on the code service's own account, to be sealed."""
    return msgspec.json.encode(_Reissued(_VERSION, reissued.reference.hex(), reissued.event, _shape(reissued.keys)))


def parse_reissued(data: bytes) -> ReissuedKeys:
    """Parse keys that were sent on the code service's own account.

    Raises:
        MalformedCodeMessageError: It is none.
        UnknownFormatError: A version that this release does not know.
    """
    shape = _decode(data, _Reissued, "re-issue")
    return ReissuedKeys(bytes.fromhex(shape.reference), shape.event, _keys(shape.keys))


def _decode(data: bytes, shape: type[_ShapeT], what: str) -> _ShapeT:
    try:
        check_document(data, _MAX_DEPTH)
        version = msgspec.json.decode(data, type=_Version).version
        if version != _VERSION:
            raise UnknownFormatError(f"code {what} version", version)
        return msgspec.json.decode(data, type=shape)
    except (MalformedJsonError, msgspec.MsgspecError) as error:
        # without the error's own words: they may quote a document's number
        raise MalformedCodeMessageError(what) from error


def _shape(keys: PatientKeys) -> _Keys:
    return _Keys(
        {str(epoch): key.hex() for epoch, key in keys.epoch_keys.items()},
        keys.exchange_public_key.hex(),
        keys.signing_public_key.hex(),
        None if keys.pseudonym is None else keys.pseudonym.hex(),
    )


def _keys(shape: _Keys) -> PatientKeys:
    try:
        epochs = {int(epoch): bytes.fromhex(key) for epoch, key in shape.epoch_keys.items()}
        return PatientKeys(
            epoch_keys=epochs,
            exchange_public_key=bytes.fromhex(shape.exchange_public_key),
            signing_public_key=bytes.fromhex(shape.signing_public_key),
            pseudonym=None if shape.pseudonym is None else bytes.fromhex(shape.pseudonym),
            provisional_code=None,
        )
    except ValueError as error:
        raise MalformedCodeMessageError("keys") from error
