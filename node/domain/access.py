"""Who looked at what, why, and with what outcome: the words of access, consent and relocation (FORMATS "Header", "Consent")."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from node.domain.entry import InstitutionId, LeafReference

RequestId = NewType("RequestId", str)
"""Names one request for disclosure, 32 lower-case hex digits; both sides log it."""

ConsentId = NewType("ConsentId", bytes)
"""32 random bytes, used once; unlinkable to a patient."""


class Purpose(StrEnum):
    """Why somebody wants to read."""

    TREATMENT = "treatment"
    """The patient is treated, and has consented."""
    EMERGENCY = "emergency"
    """Break-glass: the audited exception, reviewed afterwards."""
    CLAIM = "claim"
    """An insurer settles a claim."""
    FOLLOW_UP = "follow-up"
    """The patient is followed up after treatment."""
    RESEARCH = "research"
    """Research; only where a consent names it."""


class AccessSide(StrEnum):
    """Which side of a disclosure a receipt is: double entry."""

    HOLDER = "holder"
    """The institution whose record it is."""
    REQUESTER = "requester"
    """The institution that asked."""


class AccessOutcome(StrEnum):
    """What became of a request."""

    DISCLOSED = "disclosed"
    """The parts left the holder; at the requester: they were verified."""
    DENIED = "denied"
    """Policy refused."""
    FOUND = "found"
    """A search by code had this outcome; nothing was disclosed."""
    RELEASED = "released"
    """The code service released a patient's keys."""
    REJECTED = "rejected"
    """At the requester: what came did not verify, or was another patient's; nothing was shown."""
    UNANSWERED = "unanswered"
    """At the requester: the holder did not answer; it is tried again under the same request id."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, as the institution asserts; sealed, never in clear."""

    institution: InstitutionId
    """Whose staff."""
    department: str
    """Code of the department (诊疗科目)."""
    staff_number: str
    """The institution's number for the person."""
    licence_number: str
    """Number of the licence to practise, or empty."""
    authentication: str
    """How the person was authenticated, such as `password+token`."""
    role: str = ""
    """Role at the institution, such as `physician`, or empty."""


@dataclass(frozen=True, slots=True)
class BlockStamp:
    """The chain state that a decision rests on."""

    number: int
    """Block number."""
    block_hash: bytes
    """32 bytes."""


@dataclass(frozen=True, slots=True)
class AccessContent:
    """The header of an access receipt (type 4) or a check outcome (type 12)."""

    request_id: RequestId
    """The same on both sides."""
    side: AccessSide
    """Which side writes it."""
    counterpart: InstitutionId
    """The other side; the own institution where there is none."""
    actor: Actor
    """Who asked."""
    purpose: Purpose
    """Why."""
    outcome: AccessOutcome
    """What became of it."""
    reason: str
    """Code of the denial, or the stated reason of an emergency; never patient data."""
    consent_id: ConsentId | None
    """The consent that it rests on."""
    consent_block: BlockStamp | None
    """The state in which the consent was read; None where it was not."""
    emergency_id: bytes | None
    """Id of the emergency event on chain, 32 bytes."""
    subjects: tuple[LeafReference, ...]
    """The entries that were asked for, or found."""
    occurred_at_ms: int
    """When, unix ms."""
    encounter: str = ""
    """The encounter in which it was asked, or empty."""


@dataclass(frozen=True, slots=True)
class ConsentContent:
    """The header of a consent document (type 7)."""

    consent_id: ConsentId
    """The consent."""
    asserted: bool
    """Whether the institution asserts it, instead of a signature by the patient's key."""
    granter: InstitutionId
    """The institution that wrote the document."""
    grantee: InstitutionId
    """Who may read; empty for a withdrawal of all."""
    purposes: tuple[Purpose, ...]
    """For what."""
    expires_at_ms: int
    """Until when, unix ms."""
    revoked: bool
    """Whether the document revokes it."""
    occurred_at_ms: int
    """When, unix ms."""


@dataclass(frozen=True, slots=True)
class CodeContent:
    """The header of a code service's entry about a patient's code: released, merged or changed (type 4)."""

    what: str
    """A `CodeEvent`: `issued`, `released`, `emergency-released`, `merged`, `changed` or `reissued`."""
    institution: InstitutionId
    """To whom keys were released, or who asked."""
    actor: Actor
    """Who asked."""
    emergency_id: bytes | None
    """Id of the emergency event on chain, 32 bytes."""
    request_id: RequestId
    """The request."""
    occurred_at_ms: int
    """When, unix ms."""
