"""The consent document: what a log entry of type 7 says of a consent's granting or revoking (docs/spec/consent.md).

One part: the terms, and what the evidence is of a patient's will, as a digest; the evidence itself stays with the
institution. Left out: the header (`node.domain.access.ConsentContent`) and the entry around it (`node.services.records.entries`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger.hashing import HASH_BYTES
from node.domain.access import Actor, ConsentId
from node.domain.consent import ConsentTerms
from node.wire.actors import ActorText, actor_of, text_of_actor
from node.wire.consent.text import TermsShape, decode_shape, shape_of_terms, terms_of

DOCUMENT_VERSION: Final = 1
DOCUMENT_MEDIA_TYPE: Final = "application/vnd.concord.consent-document+json"
MAX_DOCUMENT_BYTES: Final = 128 * 1024

_Hash = Annotated[str, Meta(pattern=rf"\A[0-9a-f]{{{2 * HASH_BYTES}}}\Z")]


class EvidenceMethod(StrEnum):
    """How the patient's will was established."""

    PATIENT_KEY = "patient-key"
    """The patient's own key signed; the digest is that of the scope on chain."""
    SIGNATURE = "signature"
    """Signed on paper or a pad; the digest is that of the scan."""
    ONE_TIME_PASSWORD = "one-time-password"  # noqa: S105 - a method's name
    """Confirmed by a password sent to the patient; the digest is that of the protocol."""


class ConsentAct(StrEnum):
    """What happened."""

    GRANTED = "granted"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class ConsentDocument:
    """What the entry's part says."""

    act: ConsentAct
    """What happened."""
    consent: ConsentId
    """To which consent."""
    terms: ConsentTerms
    """What it grants."""
    method: EvidenceMethod
    """How the patient's will was established."""
    evidence_digest: bytes
    """SHA-256 of the evidence, 32 bytes."""
    actor: Actor | None
    """Who recorded it; None where the patient's tool handed it in."""


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    format_version: int
    act: ConsentAct
    consent_id: _Hash
    terms: TermsShape
    method: EvidenceMethod
    evidence_digest: _Hash
    actor: ActorText | None


def encode_consent_document(document: ConsentDocument) -> bytes:
    """Encode a consent document."""
    return msgspec.json.encode(
        _Document(
            format_version=DOCUMENT_VERSION,
            act=document.act,
            consent_id=document.consent.hex(),
            terms=shape_of_terms(document.terms),
            method=document.method,
            evidence_digest=document.evidence_digest.hex(),
            actor=None if document.actor is None else text_of_actor(document.actor),
        )
    )


def parse_consent_document(data: bytes) -> ConsentDocument:
    """Parse a consent document.

    Raises:
        MalformedConsentError: It is none.
        UnknownFormatError: A version that this release does not know.
    """
    shape = decode_shape(data, "consent document", DOCUMENT_VERSION, _Document, MAX_DOCUMENT_BYTES)
    return ConsentDocument(
        act=shape.act,
        consent=ConsentId(bytes.fromhex(shape.consent_id)),
        terms=terms_of(shape.terms),
        method=shape.method,
        evidence_digest=bytes.fromhex(shape.evidence_digest),
        actor=None if shape.actor is None else actor_of(shape.actor),
    )
