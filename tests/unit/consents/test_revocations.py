"""Revocations, and how fresh the word of the chain on consents has to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.domain.access import ConsentId
from node.domain.consent_message import EmergencyId, MessageSignature
from node.domain.consent_state import ConsentStanding
from node.errors import (
    ConsentAuthorityError,
    ConsentInputError,
    ConsentStateUnknownError,
)
from node.ports.consents.store import KeptConsent, MessageStage
from node.ports.records.transaction import RecordsTransaction
from tests.unit.consents.served import EVIDENCE, NUMBER, Node, signature_of, wait_for
from tests.unit.services_records.world import HOSPITAL

pytestmark = pytest.mark.slow


def test_a_revocation_counts_at_once_even_while_the_chain_is_away(node: Node) -> None:
    queued = node.asserted()
    consent = queued.kept.presented.consent
    wait_for(lambda: node.standing(consent) is ConsentStanding.GRANTED)
    node.chain.away = True
    revoked = node.services.consents.revoke(HOSPITAL, consent, EVIDENCE)
    assert node.standing(consent) is ConsentStanding.REVOKED
    assert node.stage(revoked) is MessageStage.WAITING
    node.chain.away = False
    node.settled(revoked)
    assert node.chain.blocks[-1][0][consent].revoked_at_s is not None
    assert [document.revoked for document in node.documents()] == [False, True]
    assert node.services.consents.show(HOSPITAL, consent).revoked_at_ms is not None


def test_the_patient_alone_revokes_what_the_patient_granted(node: Node) -> None:
    grant = node.grant()
    consent = grant.presented.consent
    node.settled(node.services.consents.hand_in(HOSPITAL, NUMBER, grant))
    with pytest.raises(ConsentInputError, match="the patient's own key"):
        node.services.consents.revoke(HOSPITAL, consent, EVIDENCE)
    with pytest.raises(ConsentAuthorityError, match="another key signed the revocation"):
        node.services.consents.hand_in_revocation(HOSPITAL, consent, signature_of(node, consent, other=True))
    with pytest.raises(ConsentAuthorityError, match="is none"):
        node.services.consents.hand_in_revocation(HOSPITAL, consent, MessageSignature(27, 1, 2**255))
    node.settled(node.services.consents.hand_in_revocation(HOSPITAL, consent, signature_of(node, consent)))
    assert node.standing(consent) is ConsentStanding.REVOKED


def test_a_revocation_elsewhere_is_seen_and_handed_to_whoever_acts_on_it(node: Node) -> None:
    seen: list[ConsentId] = []

    def handler(_: RecordsTransaction, revoked: object) -> None:
        assert isinstance(revoked, list)
        seen.extend(kept.presented.consent for kept in revoked if isinstance(kept, KeptConsent))

    node.services.watch.on_revoked(handler)
    consent = node.asserted().kept.presented.consent
    wait_for(lambda: node.standing(consent) is ConsentStanding.GRANTED)
    node.chain.revoke(consent)
    wait_for(lambda: node.standing(consent) is ConsentStanding.REVOKED)
    wait_for(lambda: seen == [consent])
    node.chain.mine(3)
    node.world.restart()
    assert node.standing(consent) is ConsentStanding.REVOKED


def test_a_revocation_while_the_node_was_down_is_found_at_its_start(node: Node) -> None:
    consent = node.asserted().kept.presented.consent
    node.world.stop()
    node.chain.revoke(consent)
    node.world.start()
    wait_for(lambda: node.services.consents.show(HOSPITAL, consent).revoked_at_ms is not None)


def test_what_was_not_read_in_time_is_unknown(node: Node) -> None:
    consent = node.asserted().kept.presented.consent
    wait_for(lambda: node.standing(consent) is ConsentStanding.GRANTED)
    node.chain.away = True
    node.world.clock.advance(seconds=4)
    assert node.standing(consent) is ConsentStanding.GRANTED
    node.world.clock.advance(seconds=2)
    with pytest.raises(ConsentStateUnknownError, match="in the last 5 s"):
        node.services.watch.read(consent)
    with pytest.raises(ConsentStateUnknownError):
        node.services.watch.emergency(EmergencyId(b"e" * 32))
    node.chain.away = False
    wait_for(lambda: node.standing(consent) is ConsentStanding.GRANTED)


def test_an_old_head_is_stale_where_blocks_come_by_the_clock(tmp_path: Path) -> None:
    node = Node(tmp_path / "n", block_period_s=2)
    try:
        assert node.standing(ConsentId(b"i" * 32)) is ConsentStanding.UNKNOWN
        node.chain.head_age_s = 6
        wait_for(lambda: (node.services.watch.staleness_s() or 0) >= 6)
        with pytest.raises(ConsentStateUnknownError):
            node.services.watch.read(ConsentId(b"i" * 32))
    finally:
        node.world.stop()
