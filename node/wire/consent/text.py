"""The JSON of scopes, of presented consents and of a patient's grants (docs/spec/consent.md).

Strict: known fields only, all of them there, bounded, and for a scope the one encoding that its writer makes, so that what
was signed and digested is what is read.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from ledger.hashing import HASH_BYTES
from node.domain.access import ConsentId, Purpose
from node.domain.consent import (
    AssertedAuthority,
    CarePeriod,
    ConsentSalt,
    ConsentScope,
    ConsentTerms,
    GrantedItem,
    Grantee,
    PatientAuthority,
    PatientGrant,
    PresentedConsent,
)
from node.domain.consent_message import ConsentAddress, MessageSignature
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.domain.labels import SensitivityLabel
from node.domain.moments import LATEST_MS
from node.domain.record import Kind
from node.errors import MalformedConsentError, MalformedJsonError, UnknownFormatError
from node.wire.json_shape import TimeMs
from node.wire.json_strict import check_document

SCOPE_VERSION: Final = 1
PRESENTED_VERSION: Final = 1
PRESENTED_MEDIA_TYPE: Final = "application/vnd.concord.consent+json"
MAX_SCOPE_BYTES: Final = 64 * 1024
MAX_MEMBERS: Final = 256
"""Members of each list of a scope."""

_MAX_DEPTH: Final = 6
_MAX_TIME_S: Final = LATEST_MS // 1000
_NAME: Final = Meta(min_length=1, max_length=256)

_Name = Annotated[str, _NAME]
_Hash = Annotated[str, Meta(pattern=rf"\A[0-9a-f]{{{2 * HASH_BYTES}}}\Z")]
_Address = Annotated[str, Meta(pattern=r"\A[0-9a-f]{40}\Z")]
_Ed25519 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{128}\Z")]
_Names = Annotated[list[_Name], Meta(min_length=1, max_length=MAX_MEMBERS)]


class _Shape(msgspec.Struct, forbid_unknown_fields=True):
    """Every object: nothing unknown, nothing missing."""


class _Grantee(_Shape):
    institution: _Name
    departments: _Names | None
    roles: _Names | None


class _Item(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    system: Annotated[str, Meta(max_length=256)]
    code: _Name


class _Period(_Shape):
    from_ms: TimeMs | None
    until_ms: TimeMs | None


class TermsShape(_Shape):
    """Terms as JSON; consent documents hold them too."""

    grantee: _Grantee
    kinds: _Names | None
    items: Annotated[list[_Item], Meta(min_length=1, max_length=MAX_MEMBERS)] | None
    labels: Annotated[list[_Name], Meta(max_length=MAX_MEMBERS)]
    period: _Period
    purposes: Annotated[list[Purpose], Meta(min_length=1, max_length=len(Purpose))]
    expires_at_s: Annotated[int, Meta(gt=0, le=_MAX_TIME_S)]
    max_uses: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None


class _Reference(_Shape):
    origin: _Name
    leaf_hash: _Hash


class _Patient(_Shape, tag_field="by", tag="patient"):
    address: _Address
    signature: _Ed25519


class _Asserted(_Shape, tag_field="by", tag="institution"):
    institution: _Name
    epoch: Annotated[int, Meta(ge=0, le=2**32 - 1)]
    patient_tag: _Hash
    document: _Reference
    signature: _Ed25519


class _Scope(_Shape):
    format_version: int
    terms: TermsShape
    authority: _Patient | _Asserted


class _Presented(_Shape):
    format_version: int
    consent_id: _Hash
    salt: _Hash
    scope: msgspec.Raw


class _Signature(_Shape):
    v: Annotated[int, Meta(ge=27, le=28)]
    r: _Hash
    s: _Hash


class _Grant(_Shape):
    format_version: int
    consent_id: _Hash
    salt: _Hash
    scope: msgspec.Raw
    signature: _Signature


class _Version(msgspec.Struct):
    format_version: int


_ENCODER: Final = msgspec.json.Encoder()
_ShapeT = TypeVar("_ShapeT", bound=msgspec.Struct)
_StrT = TypeVar("_StrT", bound=str)


def shape_of_terms(terms: ConsentTerms) -> TermsShape:
    """Return terms as they are encoded."""
    grantee, period = terms.grantee, terms.period
    return TermsShape(
        grantee=_Grantee(grantee.institution, _listed(grantee.departments), _listed(grantee.roles)),
        kinds=_listed(terms.kinds),
        items=None if terms.items is None else [_Item(item.system, item.code) for item in terms.items],
        labels=list(terms.labels),
        period=_Period(period.from_ms, period.until_ms),
        purposes=list(terms.purposes),
        expires_at_s=terms.expires_at_s,
        max_uses=terms.max_uses,
    )


def terms_of(shape: TermsShape) -> ConsentTerms:
    """Return decoded terms.

    Raises:
        MalformedConsentError: A list repeats a member, the period ends before it starts, or emergency is a purpose.
    """
    grantee, period = shape.grantee, shape.period
    items = None if shape.items is None else tuple(GrantedItem(item.system, item.code) for item in shape.items)
    lists = {
        "grantee.departments": grantee.departments,
        "grantee.roles": grantee.roles,
        "kinds": shape.kinds,
        "items": items,
        "labels": shape.labels,
        "purposes": shape.purposes,
    }
    for place, members in lists.items():
        if members is not None and len(set(members)) != len(members):
            raise MalformedConsentError(f"consent: {place} names something twice")
    if period.from_ms is not None and period.until_ms is not None and period.from_ms >= period.until_ms:
        raise MalformedConsentError("consent: the period of care ends before it starts")
    if Purpose.EMERGENCY in shape.purposes:
        raise MalformedConsentError("consent: an emergency needs no consent and cannot be granted; leave the purpose out")
    return ConsentTerms(
        grantee=Grantee(InstitutionId(grantee.institution), _tupled(grantee.departments), _tupled(grantee.roles)),
        kinds=None if shape.kinds is None else tuple(Kind(kind) for kind in shape.kinds),
        items=items,
        labels=tuple(SensitivityLabel(label) for label in shape.labels),
        period=CarePeriod(period.from_ms, period.until_ms),
        purposes=tuple(shape.purposes),
        expires_at_s=shape.expires_at_s,
        max_uses=shape.max_uses,
    )


def encode_terms(terms: ConsentTerms) -> bytes:
    """Encode terms the one way in which they are signed."""
    return _ENCODER.encode(shape_of_terms(terms))


def parse_terms(data: bytes) -> ConsentTerms:
    """Parse terms that stand alone, in any encoding: nothing is signed yet.

    Raises:
        MalformedConsentError: They are none.
    """
    try:
        check_document(data, _MAX_DEPTH)
        return terms_of(msgspec.json.decode(data, type=TermsShape))
    except (MalformedJsonError, msgspec.DecodeError) as error:
        raise MalformedConsentError(f"terms: {str(error).partition(' value ')[0]}") from error


def encode_scope(scope: ConsentScope) -> bytes:
    """Encode a scope the one way in which it is digested.

    Raises:
        ValueError: It is larger than a scope may be.
    """
    authority = scope.authority
    shown: _Patient | _Asserted
    if isinstance(authority, PatientAuthority):
        shown = _Patient(authority.address.hex(), authority.signature.hex())
    else:
        document = _Reference(authority.document.origin, authority.document.leaf_hash.hex())
        tag, signature = authority.patient_tag.hex(), authority.signature.hex()
        shown = _Asserted(authority.institution, authority.epoch, tag, document, signature)
    encoded = _ENCODER.encode(_Scope(SCOPE_VERSION, shape_of_terms(scope.terms), shown))
    if len(encoded) > MAX_SCOPE_BYTES:
        raise ValueError(f"a scope has at most {MAX_SCOPE_BYTES} bytes, not {len(encoded)}; grant several consents")
    return encoded


def parse_scope(data: bytes) -> ConsentScope:
    """Parse a scope.

    Raises:
        MalformedConsentError: It is none, or not in its one encoding.
        UnknownFormatError: A version that this release does not know.
    """
    shape = decode_shape(data, "scope", SCOPE_VERSION, _Scope, MAX_SCOPE_BYTES)
    scope = ConsentScope(terms_of(shape.terms), _authority(shape.authority))
    if encode_scope(scope) != data:
        raise MalformedConsentError("consent: the scope is not in its one encoding (order, white space or escapes differ)")
    return scope


def encode_presented(presented: PresentedConsent) -> bytes:
    """Encode what a grantee shows a holder."""
    shape = _Presented(PRESENTED_VERSION, presented.consent.hex(), presented.salt.hex(), msgspec.Raw(presented.scope))
    return _ENCODER.encode(shape)


def parse_presented(data: bytes) -> PresentedConsent:
    """Parse what a grantee shows; the scope is kept as it is and not looked at.

    Raises:
        MalformedConsentError: It is something else.
        UnknownFormatError: A version that this release does not know.
    """
    shape = decode_shape(data, "presented consent", PRESENTED_VERSION, _Presented, 2 * MAX_SCOPE_BYTES)
    return _presented(shape.consent_id, shape.salt, shape.scope)


def encode_grant(grant: PatientGrant) -> bytes:
    """Encode what a patient hands to a node."""
    presented, signature = grant.presented, grant.signature
    return _ENCODER.encode(
        _Grant(
            format_version=PRESENTED_VERSION,
            consent_id=presented.consent.hex(),
            salt=presented.salt.hex(),
            scope=msgspec.Raw(presented.scope),
            signature=_Signature(signature.v, _word(signature.r), _word(signature.s)),
        )
    )


def parse_grant(data: bytes) -> PatientGrant:
    """Parse what a patient hands to a node; nothing of it is verified.

    Raises:
        MalformedConsentError: It is something else.
        UnknownFormatError: A version that this release does not know.
    """
    shape = decode_shape(data, "consent grant", PRESENTED_VERSION, _Grant, 2 * MAX_SCOPE_BYTES)
    signature = MessageSignature(shape.signature.v, int(shape.signature.r, 16), int(shape.signature.s, 16))
    return PatientGrant(_presented(shape.consent_id, shape.salt, shape.scope), signature)


def decode_shape(data: bytes, what: str, version: int, shape: type[_ShapeT], max_bytes: int) -> _ShapeT:
    """Decode one of the JSON forms of consents; of `shape`, whose version is this one.

    Raises:
        MalformedConsentError: It is something else.
        UnknownFormatError: A version that this release does not know.
    """
    if len(data) > max_bytes:
        raise MalformedConsentError(f"{what}: over {max_bytes} bytes")
    try:
        check_document(data, _MAX_DEPTH)
        found = msgspec.json.decode(data, type=_Version).format_version
        if found != version:
            raise UnknownFormatError(f"{what} version", found)
        return msgspec.json.decode(data, type=shape)
    except MalformedJsonError as error:
        raise MalformedConsentError(f"{what}: {error}") from error
    except msgspec.DecodeError as error:
        # msgspec names the place; values of a scope are nobody's business
        raise MalformedConsentError(f"{what}: {str(error).partition(' value ')[0]}") from error


def _authority(shape: _Patient | _Asserted) -> PatientAuthority | AssertedAuthority:
    if isinstance(shape, _Patient):
        return PatientAuthority(ConsentAddress(bytes.fromhex(shape.address)), bytes.fromhex(shape.signature))
    return AssertedAuthority(
        institution=InstitutionId(shape.institution),
        epoch=shape.epoch,
        patient_tag=bytes.fromhex(shape.patient_tag),
        document=LeafReference(Origin(shape.document.origin), bytes.fromhex(shape.document.leaf_hash)),
        signature=bytes.fromhex(shape.signature),
    )


def _presented(consent: str, salt: str, scope: msgspec.Raw) -> PresentedConsent:
    return PresentedConsent(ConsentId(bytes.fromhex(consent)), ConsentSalt(bytes.fromhex(salt)), bytes(scope))


def _listed(members: tuple[_StrT, ...] | None) -> list[str] | None:
    return None if members is None else list(members)


def _tupled(members: list[str] | None) -> tuple[str, ...] | None:
    return None if members is None else tuple(members)


def _word(value: int) -> str:
    return f"{value:064x}"
