"""A Hypothesis state machine: consents and emergencies by patients, institutions and strangers, against a plain model.

Whatever happens: an id belongs to whoever used it first, a revocation and a review stay, and only who may has changed
anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from contracts.errors import RevertError, revert_error
from contracts.terms import MAX_CONSENT_LIFETIME_S
from tests.evm.consent_world import ConsentWorld, address_of
from tests.evm.world import id_of

IDS = [bytes([number]) * 32 for number in range(4)]  # the first one is zero, and none
KEYS = ["patient", "other patient"]
NAMES = ["alpha", "beta"]
IDS_DRAWN = st.sampled_from(IDS)
LIFETIMES_S = st.sampled_from([-1, 0, 1, 100, MAX_CONSENT_LIFETIME_S, MAX_CONSENT_LIFETIME_S + 1])


@dataclass
class Granted:
    by: str
    scope: bytes
    expires_at_s: int
    revoked_at_s: int = 0


@dataclass
class Opened:
    by: str
    digest: bytes
    opened_at_s: int
    reviewed_at_s: int = 0


def require(condition: object, reason: str) -> None:
    if not condition:
        raise revert_error(reason)


class ConsentMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = ConsentWorld()
        self.consents: dict[bytes, Granted] = {}
        self.emergencies: dict[bytes, Opened] = {}
        self.suspended: set[str] = set()
        self.count = 0

    def fresh(self) -> bytes:
        self.count += 1
        return self.count.to_bytes(32, "big")

    def expect(self, expected: RevertError | None, name: str, *arguments: object) -> None:
        call = getattr(self.world, name)
        if expected is None:
            call(*arguments)
            return
        with pytest.raises(type(expected)):
            call(*arguments)

    def check_member(self, name: str, key: str) -> None:
        require(name not in self.suspended, "Suspended")
        require(key == f"{name}/anchor", "NotAnchorKey")

    def check_grant(self, consent: bytes, lifetime_s: int) -> None:
        require(any(consent), "BadId")
        require(0 < lifetime_s <= MAX_CONSENT_LIFETIME_S, "BadExpiry")
        require(consent not in self.consents, "ConsentExists")

    def check_revoke(self, consent: bytes, by: str) -> None:
        require(consent in self.consents, "UnknownConsent")
        require(self.consents[consent].by == by, "NotGrantor")
        require(not self.consents[consent].revoked_at_s, "AlreadyRevoked")

    @rule(consent=IDS_DRAWN, key=st.sampled_from(KEYS), lifetime_s=LIFETIMES_S)
    def grant(self, consent: bytes, key: str, lifetime_s: int) -> None:
        scope, expires_at_s = self.fresh(), self.world.now_s + lifetime_s
        expected = None
        try:
            self.check_grant(consent, lifetime_s)
            self.consents[consent] = Granted(key, scope, expires_at_s)
        except RevertError as error:
            expected = error
        self.expect(expected, "grant", consent, scope, expires_at_s, key)

    @rule(consent=IDS_DRAWN, name=st.sampled_from(NAMES), own=st.booleans(), lifetime_s=LIFETIMES_S)
    def grant_by_institution(self, consent: bytes, name: str, own: bool, lifetime_s: int) -> None:  # noqa: FBT001 - drawn
        scope, expires_at_s = self.fresh(), self.world.now_s + lifetime_s
        key = f"{name}/anchor" if own else "stranger"
        expected = None
        try:
            self.check_member(name, key)
            self.check_grant(consent, lifetime_s)
            self.consents[consent] = Granted(name, scope, expires_at_s)
        except RevertError as error:
            expected = error
        self.expect(expected, "institution_grant", name, consent, scope, expires_at_s, key)

    @rule(consent=IDS_DRAWN, key=st.sampled_from(KEYS))
    def revoke(self, consent: bytes, key: str) -> None:
        expected = None
        try:
            self.check_revoke(consent, key)
            self.consents[consent].revoked_at_s = self.world.now_s
        except RevertError as error:
            expected = error
        self.expect(expected, "revoke", consent, key)

    @rule(consent=IDS_DRAWN, name=st.sampled_from(NAMES))
    def revoke_by_institution(self, consent: bytes, name: str) -> None:
        expected = None
        try:
            self.check_member(name, f"{name}/anchor")
            self.check_revoke(consent, name)
            self.consents[consent].revoked_at_s = self.world.now_s
        except RevertError as error:
            expected = error
        self.expect(expected, "institution_revoke", name, consent)

    @rule(emergency=IDS_DRAWN, name=st.sampled_from(NAMES))
    def open_emergency(self, emergency: bytes, name: str) -> None:
        digest = self.fresh()
        expected = None
        try:
            self.check_member(name, f"{name}/anchor")
            require(any(emergency), "BadId")
            require(emergency not in self.emergencies, "EmergencyExists")
            self.emergencies[emergency] = Opened(name, digest, self.world.now_s)
        except RevertError as error:
            expected = error
        self.expect(expected, "open_emergency", name, emergency, digest)

    @rule(emergency=IDS_DRAWN, name=st.sampled_from(NAMES))
    def review_emergency(self, emergency: bytes, name: str) -> None:
        expected = None
        try:
            self.check_member(name, f"{name}/anchor")
            require(emergency in self.emergencies, "UnknownEmergency")
            found = self.emergencies[emergency]
            require(found.by == name, "NotOpener")
            require(not found.reviewed_at_s, "AlreadyReviewed")
            found.reviewed_at_s = self.world.now_s
        except RevertError as error:
            expected = error
        self.expect(expected, "review_emergency", name, emergency, self.fresh())

    @rule()
    def suspend_or_reinstate(self) -> None:
        action = "reinstate" if "alpha" in self.suspended else "suspend"
        self.world.carry(("beta", "gamma"), action, id_of("alpha"))
        self.suspended ^= {"alpha"}

    @rule(seconds=st.integers(1, 200))
    def wait(self, seconds: int) -> None:
        self.world.travel(seconds)

    @invariant()
    def the_contract_says_what_the_model_says(self) -> None:
        for consent in IDS:
            found = self.consents.get(consent)
            scope, key, institution, expires_at_s, revoked_at_s = self.world.consents.read("consent", consent)
            if found is None:
                assert (scope, int(key, 16), institution, expires_at_s, revoked_at_s) == (bytes(32), 0, bytes(32), 0, 0)
                continue
            assert (scope, expires_at_s, revoked_at_s) == (found.scope, found.expires_at_s, found.revoked_at_s)
            expected = (address_of(found.by), bytes(32)) if found.by in KEYS else (bytes(20), id_of(found.by))
            assert (bytes.fromhex(key[2:]), institution) == expected
        for emergency in IDS:
            opened = self.emergencies.get(emergency)
            stored = self.world.consents.read("emergency", emergency)
            if opened is None:
                assert stored == (bytes(32), bytes(32), 0, 0)
            else:
                assert stored == (opened.digest, id_of(opened.by), opened.opened_at_s, opened.reviewed_at_s)


@pytest.mark.slow
def test_the_contract_keeps_to_the_model() -> None:
    run_state_machine_as_test(
        ConsentMachine, settings=settings(max_examples=15, stateful_step_count=30, suppress_health_check=list(HealthCheck))
    )
