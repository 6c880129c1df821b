"""What a patient consents to: who may read what, why, until when, how often, and who says so (FORMATS "Consent").

Everything that is not named is not granted, but for what is None: all kinds, all items, any time. Left out: whether a
request is covered (`node.policy`), and what the chain says of a consent (`node.domain.consent_state`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

from node.domain.access import ConsentId, Purpose
from node.domain.consent_message import ConsentAddress, MessageSignature
from node.domain.entry import InstitutionId, LeafReference
from node.domain.labels import SensitivityLabel
from node.domain.record import Kind

ConsentSalt = NewType("ConsentSalt", bytes)
"""32 random bytes without which a scope cannot be guessed from its digest."""


@dataclass(frozen=True, slots=True)
class Grantee:
    """Who may read."""

    institution: InstitutionId
    """The institution."""
    departments: tuple[str, ...] | None
    """Codes of its departments (诊疗科目); None for all."""
    roles: tuple[str, ...] | None
    """Roles of its staff, such as `physician`; None for all."""


@dataclass(frozen=True, slots=True)
class GrantedItem:
    """An examination, by its code."""

    system: str
    """Code system URI."""
    code: str
    """Code."""


@dataclass(frozen=True, slots=True)
class CarePeriod:
    """When what may be read took place; half-open."""

    from_ms: int | None
    """Unix ms; None for no start."""
    until_ms: int | None
    """Unix ms, exclusive; None for no end: what is yet to come is included."""


@dataclass(frozen=True, slots=True)
class ConsentTerms:
    """What is granted."""

    grantee: Grantee
    """To whom."""
    kinds: tuple[Kind, ...] | None
    """Kinds of records; None for all."""
    items: tuple[GrantedItem, ...] | None
    """Examinations; None for all."""
    labels: tuple[SensitivityLabel, ...]
    """Labels whose records are included; records without a label always are."""
    period: CarePeriod
    """Period of care."""
    purposes: tuple[Purpose, ...]
    """What for, at least one; never emergency, which needs no consent."""
    expires_at_s: int
    """Until when (exclusive), unix s; the chain says the same."""
    max_uses: int | None
    """How often each holder discloses under it; None for as often as asked."""


@dataclass(frozen=True, slots=True)
class PatientAuthority:
    """The patient granted it."""

    address: ConsentAddress
    """Account of the key that signs on chain, made for this consent alone."""
    signature: bytes
    """Ed25519 by the patient's signing key over consent id, address and terms, 64 bytes."""


@dataclass(frozen=True, slots=True)
class AssertedAuthority:
    """An institution asserts that the patient granted it."""

    institution: InstitutionId
    """Who asserts it."""
    epoch: int
    """Serial of the epoch whose key made the tag."""
    patient_tag: bytes
    """HMAC-SHA256(K_e, consent id), 32 bytes: says whose consent it is to who has K_e, and proves that the asserter has it."""
    document: LeafReference
    """The consent document (type 7) that was logged before, with the evidence's digest."""
    signature: bytes
    """Ed25519 by the institution's request key over all of this, consent id and terms, 64 bytes."""


@dataclass(frozen=True, slots=True)
class ConsentScope:
    """The terms, and on whose word."""

    terms: ConsentTerms
    """What is granted."""
    authority: PatientAuthority | AssertedAuthority
    """By whom."""


@dataclass(frozen=True, slots=True)
class PresentedConsent:
    """What a grantee shows a holder: with the chain's state, all that is needed to check a consent."""

    consent: ConsentId
    """Its id."""
    salt: ConsentSalt
    """Opens the digest on chain."""
    scope: bytes
    """The exact bytes of the scope."""


@dataclass(frozen=True, slots=True)
class PatientGrant:
    """What a patient hands to a node: the consent, and the message that grants it on chain."""

    presented: PresentedConsent
    """The consent."""
    signature: MessageSignature
    """Of `Grant`, by the key made for it."""


@dataclass(frozen=True, slots=True)
class VerifiedConsent:
    """A consent whose scope is the one on chain and whose authority holds. Whether it is in force is the chain's state."""

    consent: ConsentId
    """Its id."""
    terms: ConsentTerms
    """What is granted."""
    asserted_by: InstitutionId | None
    """The institution that asserts it; None where the patient signed."""
    document: LeafReference | None
    """The consent document of an asserted grant."""
