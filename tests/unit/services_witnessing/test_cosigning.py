"""Having own heads cosigned, witnessing those of others, and asking witnesses before the first signature."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import cast

import pytest

from ledger.cosignatures import verify_cosignatures
from ledger.errors import GuardUndecidedError, StateBehindError, StateInconsistentError
from ledger.notes import NoteSignature, encode_signatures, parse_note
from ledger.tiles import TileHashReader
from ledger.witness import SIZE_MEDIA_TYPE
from node.domain.entry import InstitutionId
from node.errors import ChainAwayError, UnknownInstitutionError, WitnessAheadError, WitnessRefusesError
from node.ports.chain.anchoring import AnchorChain, AnchoredHead
from node.ports.logs.peers import WitnessReply
from node.ports.records.transaction import RecordsReader
from node.services.logs.guard import ChainHeadGuard, QuorumGuard, WitnessHeads
from node.services.logs.witness_exchange import WitnessExchange
from tests.unit.services_witnessing.world import COSIGNERS, ORIGIN, OTHERS, QUORUM, WITNESSES, Records, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def cosigned_by(world: World, size: int) -> set[str]:
    kept = world.trust.cosigned_at(ORIGIN, size)
    if kept is None:
        return set()
    return {key.name for key in verify_cosignatures(parse_note(kept.note), [each.key for each in WITNESSES])}


def names(*institutions: str) -> set[str]:
    return {f"{each}.example/witness" for each in institutions}


def test_the_newest_head_is_cosigned_by_all_others_and_not_by_oneself(world: World) -> None:
    world.cosigning.step()
    assert world.asked == []
    world.grow(5)
    world.cosigning.step()
    world.grow(300)
    world.cosigning.step()
    assert cosigned_by(world, 5) == cosigned_by(world, 305) == names(*OTHERS)
    assert world.progress.witnessed_size(ORIGIN) == 305
    assert world.progress.is_witnessed(ORIGIN, 304)
    assert not world.progress.is_witnessed(ORIGIN, 305)
    asked = len(world.asked)
    world.cosigning.step()
    assert len(world.asked) == asked, "there is no news"


def test_without_a_quorum_it_is_degraded_and_shown_and_goes_on_when_they_are_back(world: World) -> None:
    world.away = set(OTHERS[:2])
    world.grow(5)
    world.cosigning.step()
    standing = world.cosigning.standing(ORIGIN)
    assert (standing.witnessed, standing.quorum, set(standing.missing)) == (0, QUORUM, set(OTHERS[:2]))
    assert cosigned_by(world, 5) == names(OTHERS[2])
    assert world.trust.cosigned(ORIGIN, 0) is None
    asked = len(world.asked)
    world.cosigning.step()
    assert len(world.asked) == asked, "they are left alone for a while"
    world.away.clear()
    world.clock.advance(10)
    world.cosigning.step()
    assert cosigned_by(world, 5) == names(*OTHERS)
    assert world.cosigning.standing(ORIGIN).missing == {}
    assert world.progress.witnessed_size(ORIGIN) == 5


def test_a_restart_goes_on_with_the_cosignatures_that_were_kept(world: World) -> None:
    world.away = {OTHERS[0]}
    world.grow(5)
    world.cosigning.step()
    world.start()
    assert world.progress.witnessed_size(ORIGIN) == 5
    world.away.clear()
    world.asked.clear()
    world.cosigning.step()
    assert world.asked == [OTHERS[0]]
    assert cosigned_by(world, 5) == names(*OTHERS)


def test_a_restored_node_claims_no_witness_for_what_it_stores_since(world: World) -> None:
    world.grow(5)
    world.cosigning.step()
    world.published = 3
    world.start()
    assert world.progress.witnessed_size(ORIGIN) == 3
    assert not world.progress.is_witnessed(ORIGIN, 3)


def test_a_witness_that_knows_another_size_is_proved_to_from_there(world: World) -> None:
    world.grow(5)
    world.cosigning.step()
    world.grow(10)
    world.start()
    world.cosigning.step()
    assert cosigned_by(world, 15) == names(*OTHERS)


def test_a_frozen_log_is_not_cosigned(world: World) -> None:
    world.grow(5)
    world.frozen.add(ORIGIN)
    world.cosigning.step()
    assert cosigned_by(world, 5) == set()
    assert "403" in world.cosigning.standing(ORIGIN).missing[OTHERS[0]]


@pytest.mark.parametrize(
    "reply",
    [
        WitnessReply(500, b"", None),
        WitnessReply(404, b"", None),
        WitnessReply(200, b"nonsense", "text/plain"),
        WitnessReply(200, "\N{EM DASH} stranger.example AAAAAAAAAAA=\n".encode(), "text/plain"),
        WitnessReply(409, b"5\n", "text/plain"),
        WitnessReply(409, b"-5\n", SIZE_MEDIA_TYPE),
    ],
)
def test_a_witness_that_answers_nonsense_does_not_count(world: World, reply: WitnessReply) -> None:
    world.grow(5)
    world.answers = {OTHERS[0]: reply}
    with pytest.raises(WitnessRefusesError):
        world.exchange.cosign(WITNESSES[1], world.log.checkpoint_of(5), world.log.note(), world.log.proof)
    world.cosigning.step()
    assert world.progress.witnessed_size(ORIGIN) == 5


def test_a_cosignature_that_does_not_verify_is_refused(world: World) -> None:
    world.grow(5)
    key = COSIGNERS[OTHERS[0]].verifier_key
    forged = encode_signatures([NoteSignature(key.name, key.key_id, bytes(72))]).encode()
    world.answers = {OTHERS[0]: WitnessReply(200, forged, "text/plain")}
    with pytest.raises(WitnessRefusesError):
        world.exchange.cosign(WITNESSES[1], world.log.checkpoint_of(5), world.log.note(), world.log.proof)


def test_a_witness_that_is_ahead_is_bad_news_of_its_own(world: World) -> None:
    world.grow(5)
    world.cosigning.step()
    with pytest.raises(WitnessAheadError):
        WitnessExchange(world).cosign(WITNESSES[1], world.log.checkpoint_of(3), world.log.note(3), world.log.proof)


def test_only_hosted_institutions_witness_here(world: World) -> None:
    with pytest.raises(UnknownInstitutionError):
        world.witness.add_checkpoint(InstitutionId("nobody"), b"")
    assert world.witness.add_checkpoint(OTHERS[0], b"").status is HTTPStatus.BAD_REQUEST


class AwayChain:
    """A chain that does not answer, or does."""

    def __init__(self) -> None:
        self.away = True

    def anchored_head(self, origin: str) -> AnchoredHead | None:
        del origin
        if self.away:
            raise ChainAwayError("http://chain.example", "no connection")
        return None


def guard_of(world: World, chain: AwayChain) -> QuorumGuard:
    reader = cast("RecordsReader", Records(world))
    others = WitnessHeads(ORIGIN, WITNESSES[1:], quorum=QUORUM, exchange=WitnessExchange(world), reader=reader)
    return QuorumGuard(ChainHeadGuard(cast("AnchorChain", chain), ORIGIN), others)


def check(world: World, guard: QuorumGuard) -> None:
    guard.refresh()
    guard.check(world.log.checkpoint_of(world.published), TileHashReader(world.log, world.log.size))


def test_a_quorum_of_witnesses_stands_in_for_a_chain_that_is_away(world: World) -> None:
    world.grow(5)
    guard = guard_of(world, AwayChain())
    check(world, guard)
    world.away = {OTHERS[0]}
    check(world, guard)
    world.away = set(OTHERS[:2])
    with pytest.raises(GuardUndecidedError):
        check(world, guard)


def test_the_chain_is_enough_and_the_others_are_not_asked(world: World) -> None:
    world.grow(5)
    chain = AwayChain()
    chain.away = False
    check(world, guard_of(world, chain))
    assert world.asked == []


def test_one_witness_that_holds_a_larger_head_keeps_a_restored_log_from_signing(world: World) -> None:
    world.grow(9)
    world.cosigning.step()
    world.published = 5
    world.away = set(OTHERS[1:])
    with pytest.raises(StateBehindError) as caught:
        check(world, guard_of(world, AwayChain()))
    assert (caught.value.own_size, caught.value.known_size) == (5, 9)


def test_one_witness_that_holds_another_history_keeps_it_from_signing(world: World) -> None:
    world.grow(9)
    world.cosigning.step()
    world.log = world.log.fork(4, [b"other"] * 20)
    world.published = world.log.size
    with pytest.raises(StateInconsistentError):
        check(world, guard_of(world, AwayChain()))


def test_a_log_that_signed_nothing_yet_has_nothing_to_ask_with(world: World) -> None:
    guard = guard_of(world, AwayChain())
    guard.refresh()
    with pytest.raises(GuardUndecidedError):
        guard.check(None, TileHashReader(world.log, world.log.size))
