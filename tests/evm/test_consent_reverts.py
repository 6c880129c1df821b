"""Every named revert of `consents`, each provoked on its own; that the table is complete is checked in test_reverts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contracts.errors import REVERTS, RevertError
from contracts.terms import MAX_CONSENT_LIFETIME_S
from tests.evm.consent_world import ConsentWorld, Signature, address_of
from tests.evm.world import START_S, Deployed, account, id_of

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
ID, OTHER_ID = bytes([1]) * 32, bytes([2]) * 32
SCOPE, OTHER_SCOPE = bytes([7]) * 32, bytes([8]) * 32
ZERO = bytes(32)
UNTIL_S = START_S + 1_000_000
Case = Callable[[ConsentWorld], object]


def grant(consent: bytes = ID, scope: bytes = SCOPE, expires_at_s: int = UNTIL_S, **changes: Any) -> Case:  # noqa: ANN401 - typed data
    return lambda world: world.grant(consent, scope, expires_at_s, "patient", **changes)


def forged_grant(forge: Callable[[Signature], Signature], patient_key: bytes | None = None) -> Case:
    def run(world: ConsentWorld) -> None:
        signature = world.sign("patient", "Grant", {"id": ID, "scope": SCOPE, "expiresAt": UNTIL_S})
        key = address_of("patient") if patient_key is None else patient_key
        world.send("grant", ID, SCOPE, UNTIL_S, key, *forge(signature))

    return run


def grant_signed_as(kind: str) -> Case:
    """Send a grant whose signature is over another type with members of the same names."""

    def run(world: ConsentWorld) -> None:
        values = {"origin": id_of("log.alpha.example"), "id": ID, "scope": SCOPE, "expiresAt": UNTIL_S, "digest": SCOPE}
        world.send("grant", ID, SCOPE, UNTIL_S, address_of("patient"), *world.sign("patient", kind, values))

    return run


def revoke(consent: bytes = ID, key: str = "patient") -> Case:
    return lambda world: world.revoke(consent, key)


def asserted(consent: bytes = ID, scope: bytes = SCOPE, expires_at_s: int = UNTIL_S, *, by: str = "alpha", key: str = "") -> Case:
    return lambda world: world.institution_grant(by, consent, scope, expires_at_s, key)


def asserted_revoke(consent: bytes = ID, *, by: str = "alpha", key: str = "") -> Case:
    return lambda world: world.institution_revoke(by, consent, key)


def opened(emergency: bytes = ID, digest: bytes = SCOPE, *, by: str = "alpha", key: str = "") -> Case:
    return lambda world: world.open_emergency(by, emergency, digest, key)


def reviewed(emergency: bytes = ID, digest: bytes = SCOPE, *, by: str = "alpha", key: str = "") -> Case:
    return lambda world: world.review_emergency(by, emergency, digest, key)


def suspend(world: ConsentWorld) -> None:
    world.carry(("alpha", "beta"), "suspend", id_of("alpha"))


def close(world: ConsentWorld) -> None:
    world.carry(("alpha", "beta"), "close_origin", id_of("log.alpha.example"), 5, SCOPE, ZERO)


def rotate(world: ConsentWorld) -> None:
    world.register_anchor("alpha", "alpha/next")


def after(*steps: Case) -> Case:
    def run(world: ConsentWorld) -> None:
        *before, last = steps
        try:
            for step in before:
                step(world)
        except RevertError as error:
            raise AssertionError("only the last step may revert") from error
        world.travel(1)
        last(world)

    return run


CASES: list[tuple[str, Case]] = [
    ("NotContract", lambda world: Deployed(world.env, "consents", ["address"], [account("nobody")])),
    # signatures
    ("BadSignature", forged_grant(lambda found: (0, *found[1:]))),
    ("BadSignature", forged_grant(lambda found: (55 - found[0], *found[1:]))),
    ("BadSignature", forged_grant(lambda found: (found[0] + 256, *found[1:]))),
    ("BadSignature", forged_grant(lambda found: (found[0], found[1] ^ 1, found[2]))),
    ("BadSignature", forged_grant(lambda found: (found[0], found[1], found[2] ^ 1))),
    ("BadSignature", forged_grant(lambda found: (55 - found[0], found[1], ORDER - found[2]))),
    ("BadSignature", forged_grant(lambda found: found, address_of("stranger"))),
    ("BadSignature", forged_grant(lambda _: (27, 0, 0), bytes(20))),
    ("BadSignature", forged_grant(lambda found: found, bytes(20))),
    ("BadSignature", grant(name="Concord")),
    ("BadSignature", grant(version="2")),
    ("BadSignature", grant(chainId=5)),
    ("BadSignature", grant(verifyingContract="0x" + "11" * 20)),
    ("BadSignature", grant_signed_as("Revoke")),
    ("BadSignature", grant_signed_as("InstitutionGrant")),
    ("BadSignature", lambda world: world.send("revoke", ID, 27, 0, 0)),
    ("BadSignature", lambda world: world.send("revoke_by_institution", id_of("log.alpha.example"), ID, 29, 1, 1)),
    # arguments
    ("BadId", grant(ZERO)),
    ("BadId", asserted(ZERO)),
    ("BadId", opened(ZERO)),
    ("BadDigest", grant(scope=ZERO)),
    ("BadDigest", asserted(scope=ZERO)),
    ("BadDigest", opened(digest=ZERO)),
    ("BadDigest", after(opened(), reviewed(digest=ZERO))),
    ("BadExpiry", grant(expires_at_s=START_S)),
    ("BadExpiry", grant(expires_at_s=0)),
    ("BadExpiry", grant(expires_at_s=2**64 - 1)),
    ("BadExpiry", lambda world: world.grant(ID, SCOPE, world.now_s + MAX_CONSENT_LIFETIME_S + 1, "patient")),
    ("BadExpiry", asserted(expires_at_s=START_S)),
    # an id is used once, a revocation is final
    ("ConsentExists", after(grant(), grant())),
    ("ConsentExists", after(grant(), grant(scope=OTHER_SCOPE))),
    ("ConsentExists", after(grant(), asserted())),
    ("ConsentExists", after(grant(), revoke(), grant())),
    ("ConsentExists", after(asserted(), grant())),
    ("AlreadyRevoked", after(grant(), revoke(), revoke())),
    ("AlreadyRevoked", after(asserted(), asserted_revoke(), asserted_revoke())),
    ("UnknownConsent", revoke()),
    ("UnknownConsent", after(grant(), revoke(OTHER_ID))),
    ("UnknownConsent", asserted_revoke()),
    ("NotGrantor", after(grant(), revoke(key="stranger"))),
    ("NotGrantor", after(grant(), revoke(key="alpha/anchor"))),
    ("NotGrantor", after(grant(), asserted_revoke())),
    ("NotGrantor", after(asserted(), asserted_revoke(by="beta"))),
    ("NotGrantor", after(asserted(), revoke(key="alpha/anchor"))),
    # institutions
    ("NotAnchorKey", asserted(key="stranger")),
    ("NotAnchorKey", asserted(key="beta/anchor")),
    ("NotAnchorKey", after(rotate, asserted())),
    ("NotAnchorKey", after(asserted(), asserted_revoke(key="stranger"))),
    ("NotAnchorKey", opened(key="stranger")),
    ("NotAnchorKey", after(opened(), reviewed(key="stranger"))),
    ("UnknownOrigin", lambda world: world.institution_grant("nobody", ID, SCOPE, UNTIL_S, "alpha/anchor")),
    ("OriginClosed", after(close, asserted())),
    ("Suspended", after(suspend, asserted())),
    ("Suspended", after(asserted(), suspend, asserted_revoke())),
    ("Suspended", after(suspend, opened())),
    ("Suspended", after(opened(), suspend, reviewed())),
    # emergencies
    ("EmergencyExists", after(opened(), opened())),
    ("EmergencyExists", after(opened(), opened(by="beta"))),
    ("EmergencyExists", after(opened(), reviewed(), opened())),
    ("UnknownEmergency", reviewed()),
    ("NotOpener", after(opened(), reviewed(by="beta"))),
    ("AlreadyReviewed", after(opened(), reviewed(), reviewed())),
]


@pytest.fixture(scope="module")
def world() -> ConsentWorld:
    return ConsentWorld()


@pytest.mark.parametrize(("reason", "case"), CASES, ids=[f"{number}-{case[0]}" for number, case in enumerate(CASES)])
def test_refuses_by_name(world: ConsentWorld, reason: str, case: Case) -> None:
    with world.undone():
        with pytest.raises(RevertError) as caught:
            case(world)
        assert type(caught.value) is REVERTS[reason]


def test_refuses_value_and_unknown_selectors(world: ConsentWorld) -> None:
    for data in (b"", b"\xff\xff\xff\xff"):
        assert world.consents.raw(account("alpha"), data).is_error


def test_refuses_a_time_beyond_its_type(world: ConsentWorld) -> None:
    selector = bytes.fromhex("d0c3792d")
    words = [ID, SCOPE, (2**64).to_bytes(32, "big"), bytes(12) + address_of("patient"), bytes(32), bytes(32), bytes(32)]
    assert world.consents.raw(account("alpha"), selector + b"".join(words)).is_error


def test_a_consent_of_a_suspended_institution_can_still_be_read(world: ConsentWorld) -> None:
    with world.undone():
        asserted()(world)
        suspend(world)
        assert world.consents.read("consent", ID) == (SCOPE, "0x" + bytes(20).hex(), id_of("alpha"), UNTIL_S, 0)
