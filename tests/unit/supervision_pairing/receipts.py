"""Receipts of a hospital A that holds and a hospital B that asks, for tests of pairing."""

from __future__ import annotations

from hashlib import sha256

from node.domain.access import AccessContent, AccessOutcome, AccessSide, Actor, ConsentId, Purpose, RequestId
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.supervision.findings import EntryPlace
from node.supervision.pairing import PairingRules, Receipt

A, B, C = (InstitutionId(f"hospital-{letter}.example") for letter in "abc")
START_MS = 1_772_000_040_000
GRACE_MS = 600_000
RECHECK_MS = 5_000
REQUEST = RequestId("0123456789abcdef" * 2)
DOCTOR = Actor(B, "0301", "4711", "L-1", "password+token", "physician")
SUBJECT = LeafReference(Origin(f"{A}/log"), b"\x05" * 32)


def make_place(institution: InstitutionId, index: int) -> EntryPlace:
    """Return a place in an institution's log."""
    origin = Origin(f"{institution}/log")
    return EntryPlace(origin, index, sha256(f"{origin}#{index}".encode()).digest(), index + 1)


def make_receipt(  # noqa: PLR0913 - each test changes another one
    side: AccessSide,
    *,
    outcome: AccessOutcome = AccessOutcome.DISCLOSED,
    index: int = 0,
    seen_ms: int = START_MS,
    institution: InstitutionId | None = None,
    counterpart: InstitutionId | None = None,
    request: RequestId = REQUEST,
    purpose: Purpose = Purpose.TREATMENT,
    actor: Actor = DOCTOR,
    subjects: tuple[LeafReference, ...] = (SUBJECT,),
    consent: ConsentId | None = None,
    leaf_time_ms: int | None = None,
    absent_at_ms: int | None = None,
) -> Receipt:
    """Make a receipt of one side of the request by B to A, or of what else is said."""
    own, other = (A, B) if side is AccessSide.HOLDER else (B, A)
    writer = institution or own
    return Receipt(
        place=make_place(writer, index),
        institution=writer,
        leaf_time_ms=seen_ms - seen_ms % 60_000 if leaf_time_ms is None else leaf_time_ms,
        first_seen_ms=seen_ms,
        absent_at_ms=absent_at_ms,
        content=AccessContent(
            request_id=request,
            side=side,
            counterpart=counterpart or other,
            actor=actor,
            purpose=purpose,
            outcome=outcome,
            reason="",
            consent_id=consent,
            consent_block=None,
            emergency_id=None,
            subjects=subjects,
            occurred_at_ms=seen_ms,
        ),
    )


def make_rules(seen_until_ms: int = 2**60) -> PairingRules:
    """Return rules under which all logs were followed until a time."""
    return PairingRules(GRACE_MS, lambda _: seen_until_ms, RECHECK_MS)
