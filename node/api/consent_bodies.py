"""What requests about consents, emergencies and withdrawal hold, read strictly; messages repeat no value."""

from __future__ import annotations

from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from ledger.hashing import HASH_BYTES
from node.domain.access import Actor
from node.domain.consent_message import MessageSignature
from node.domain.entry import InstitutionId
from node.domain.record import PatientNumber
from node.domain.retention import Care
from node.errors import MalformedParameterError
from node.services.consents.grants import ConsentEvidence
from node.wire.consent.document import EvidenceMethod
from node.wire.consent.emergency import MAX_REASON
from node.wire.consent.text import TermsShape
from node.wire.json_strict import check_document

MAX_BYTES: Final = 256 * 1024

_MAX_DEPTH: Final = 8
_Hash = Annotated[str, Meta(pattern=rf"\A[0-9a-f]{{{2 * HASH_BYTES}}}\Z")]
_Text = Annotated[str, Meta(max_length=256)]
_BodyT = TypeVar("_BodyT", bound=msgspec.Struct)


class PatientBody(msgspec.Struct, forbid_unknown_fields=True):
    """The institution's number for a patient."""

    number: Annotated[str, Meta(min_length=1, max_length=256)]
    system: _Text = ""

    @property
    def value(self) -> PatientNumber:
        """The number."""
        return PatientNumber(self.system, self.number)


class ActorBody(msgspec.Struct, forbid_unknown_fields=True):
    """Who acts; the institution is the caller's."""

    staff_number: Annotated[str, Meta(min_length=1, max_length=256)]
    department: _Text = ""
    licence_number: _Text = ""
    authentication: _Text = ""
    role: _Text = ""

    def actor(self, institution: InstitutionId) -> Actor:
        """Return the actor, of an institution."""
        return Actor(institution, self.department, self.staff_number, self.licence_number, self.authentication, self.role)


class EvidenceBody(msgspec.Struct, forbid_unknown_fields=True):
    """How the patient's will is known."""

    method: EvidenceMethod
    digest: _Hash
    actor: ActorBody

    def evidence(self, institution: InstitutionId) -> ConsentEvidence:
        """Return the evidence that an institution records."""
        return ConsentEvidence(self.method, bytes.fromhex(self.digest), self.actor.actor(institution))


class HandInBody(msgspec.Struct, forbid_unknown_fields=True):
    """A patient's grant."""

    patient: PatientBody
    grant: msgspec.Raw


class AssertBody(msgspec.Struct, forbid_unknown_fields=True):
    """A grant that the institution asserts."""

    patient: PatientBody
    terms: TermsShape
    evidence: EvidenceBody


class ListBody(msgspec.Struct, forbid_unknown_fields=True):
    """Whose consents; null for all."""

    patient: PatientBody | None


class SignatureBody(msgspec.Struct, forbid_unknown_fields=True):
    """A patient's signature over a revocation."""

    v: Annotated[int, Meta(ge=27, le=28)]
    r: _Hash
    s: _Hash

    @property
    def value(self) -> MessageSignature:
        """The signature."""
        return MessageSignature(self.v, int(self.r, 16), int(self.s, 16))


class PatientRevocationBody(msgspec.Struct, forbid_unknown_fields=True):
    """A patient's own revocation."""

    consent_id: _Hash
    signature: SignatureBody


class RevokeBody(msgspec.Struct, forbid_unknown_fields=True):
    """The patient's signature, or the institution's evidence for what it asserted."""

    signature: SignatureBody | None = None
    evidence: EvidenceBody | None = None


class EmergencyBody(msgspec.Struct, forbid_unknown_fields=True):
    """Who reads, why, for whom."""

    actor: ActorBody
    reason: Annotated[str, Meta(min_length=1, max_length=MAX_REASON)]
    patient: PatientBody | None = None


class ReviewBody(msgspec.Struct, forbid_unknown_fields=True):
    """What a second person found."""

    reviewer: ActorBody
    justified: bool
    remark: Annotated[str, Meta(max_length=MAX_REASON)] = ""


class WithdrawBody(msgspec.Struct, forbid_unknown_fields=True):
    """Whose processing stops."""

    patient: PatientBody
    evidence: EvidenceBody
    care: Care = Care.INPATIENT


def parse_body(data: bytes, shape: type[_BodyT]) -> _BodyT:
    """Parse a request's body.

    Raises:
        MalformedJsonError: It is no JSON that can be read in one way only.
        MalformedParameterError: It is something else.
    """
    check_document(data, _MAX_DEPTH)
    try:
        return msgspec.json.decode(data, type=shape)
    except msgspec.DecodeError as error:
        place = str(error).rpartition(" - at ")[2] if " - at " in str(error) else "body"
        raise MalformedParameterError(place, "is not what this request takes; see /openapi.json") from error


def parse_id(name: str, text: str) -> bytes:
    """Parse the id of a consent or emergency in a path, 64 lower-case hex digits.

    Raises:
        MalformedParameterError: It is none.
    """
    if len(text) != 2 * HASH_BYTES or set(text) - set("0123456789abcdef"):
        raise MalformedParameterError(name, "is not 64 lower-case hex digits")
    return bytes.fromhex(text)
