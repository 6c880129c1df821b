"""Ask a holder directly, as a member's node would, and keep all that it answers."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace

import httpx

from node.adapters.keys.identity import FileInstitutionIdentity
from node.adapters.peers.signed_http import SignedRequestAuth
from node.domain.access import Purpose, RequestId
from node.domain.consent import PresentedConsent
from node.domain.entry import LeafReference, Origin
from node.domain.receipt import Receipt
from node.wire.members.disclosure import DisclosureRequest, encode_request
from node.wire.members.http_signature import SignatureTag
from tests.unit.members.neighbourhood import OTHER, Neighbourhood
from tests.unit.members.patients import ACTOR
from tests.unit.services_records.world import HOSPITAL

VARYING = frozenset({"signature", "signature-input"})
"""Headers that differ with the nonce of every answer."""


@dataclass
class Told:
    """All that an answer tells."""

    status: int
    body: bytes
    headers: list[tuple[str, str]]
    new_leaves: int
    """How many entries the holder's log grew by: everybody sees that."""
    varying: set[str] = field(default_factory=set, compare=False)


def subject_of(receipt: Receipt) -> tuple[LeafReference, int]:
    assert receipt.leaf_hash is not None
    return LeafReference(Origin(receipt.origin), receipt.leaf_hash), int(receipt.leaf_index or 0)


def never_was() -> tuple[LeafReference, int]:
    """Return a place and a leaf that the log has never had."""
    return LeafReference(Origin(f"{HOSPITAL}.example/log"), secrets.token_bytes(32)), 7


def request_for(subject: tuple[LeafReference, int], *consents: PresentedConsent, **changes: object) -> DisclosureRequest:
    whole = DisclosureRequest(
        request_id=RequestId(secrets.token_hex(16)),
        audience=HOSPITAL,
        purpose=Purpose.TREATMENT,
        actor=ACTOR,
        subject=subject[0],
        leaf_index=subject[1],
        parts=None,
        consents=consents,
        emergency=None,
        encounter="",
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def post(town: Neighbourhood, request: DisclosureRequest) -> httpx.Response:
    identity = FileInstitutionIdentity(town.there.settings.keys, OTHER)
    auth = SignedRequestAuth(identity, town.clock, SignatureTag.RETRIEVE, 60)
    with httpx.Client(transport=town.network, base_url="https://node-a.example", auth=auth) as client:
        return client.post("/v1/disclosures", content=encode_request(request), headers={"content-type": "application/json"})


def told(town: Neighbourhood, request: DisclosureRequest) -> Told:
    """Ask, and return all that the answer and the holder's log tell."""
    before = town.here.rows("select count(*) from entries where origin = ?", f"{HOSPITAL}.example/log")[0][0]
    answer = post(town, request)
    after = town.here.rows("select count(*) from entries where origin = ?", f"{HOSPITAL}.example/log")[0][0]
    headers = sorted((name, value) for name, value in answer.headers.items() if name not in VARYING)
    return Told(answer.status_code, answer.content, headers, after - before, set(answer.headers) & VARYING)
