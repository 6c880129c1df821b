"""What requests about consents, emergencies and withdrawal hold, read strictly; messages repeat no value."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger.hashing import HASH_BYTES
from node.api.bodies.shapes import ActorBody, Id32, PatientBody
from node.domain.consent_message import MessageSignature
from node.domain.entry import InstitutionId
from node.domain.retention import Care
from node.errors import MalformedParameterError
from node.services.consents.grants import ConsentEvidence
from node.wire.consent.document import EvidenceMethod
from node.wire.consent.emergency import MAX_REASON
from node.wire.consent.text import TermsShape

MAX_BYTES: Final = 256 * 1024


class EvidenceBody(msgspec.Struct, forbid_unknown_fields=True):
    """How the patient's will is known."""

    method: EvidenceMethod
    digest: Id32
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
    r: Id32
    s: Id32

    @property
    def value(self) -> MessageSignature:
        """The signature."""
        return MessageSignature(self.v, int(self.r, 16), int(self.s, 16))


class PatientRevocationBody(msgspec.Struct, forbid_unknown_fields=True):
    """A patient's own revocation."""

    consent_id: Id32
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


def parse_id(name: str, text: str) -> bytes:
    """Parse the id of a consent or emergency in a path, 64 lower-case hex digits.

    Raises:
        MalformedParameterError: It is none.
    """
    if len(text) != 2 * HASH_BYTES or set(text) - set("0123456789abcdef"):
        raise MalformedParameterError(name, "is not 64 lower-case hex digits")
    return bytes.fromhex(text)
