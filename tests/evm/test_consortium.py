"""The consortium's life: founding, votes, membership, keys, origins, registers. Reverts are in test_reverts."""

from __future__ import annotations

import pytest

from contracts.errors import (
    FormerKeyError,
    NotAnchorKeyError,
    NotEnoughVotesError,
    NotMemberError,
    NotRegulatorError,
    SuspendedError,
)
from contracts.events import (
    CatalogueRegistered,
    EndpointChanged,
    Executed,
    InstitutionAdmitted,
    InstitutionReinstated,
    InstitutionSuspended,
    KeyEnded,
    KeyRegistered,
    KindRegistered,
    OriginAdded,
    OriginClosed,
    Proposed,
    RolesChanged,
    ThresholdChanged,
    Voted,
)
from contracts.terms import (
    MAX_OVERLAP_S,
    PROPOSAL_LIFETIME_S,
    Action,
    KeyKind,
    Role,
    Status,
)
from tests.evm.world import START_S, World, account, as_key, id_of

FOUNDERS = ("alpha", "beta", "gamma")
ZERO = bytes(32)
ALPHA, BETA, GAMMA, DELTA = (id_of(name) for name in ("alpha", "beta", "gamma", "delta"))
ORIGIN = id_of("log.alpha.example")


@pytest.fixture
def world() -> World:
    return World(FOUNDERS, threshold=2)


def checksum_free(address: bytes) -> str:
    return "0x" + address.hex()


def test_founding_admits_every_founder_and_says_so(world: World) -> None:
    admitted = [event for event in world.founding_logs if isinstance(event, InstitutionAdmitted)]
    assert [(event.identifier, event.number, event.chain_key) for event in admitted] == [
        (name, number, account(name)) for number, name in enumerate(FOUNDERS)
    ]
    assert world.founding_logs[-1] == ThresholdChanged(2)
    assert world.consortium.read("active_count") == world.consortium.read("institution_count") == 3
    assert [world.consortium.read("institution_at", number) for number in range(3)] == [ALPHA, BETA, GAMMA]
    assert world.consortium.read("institution", BETA) == (
        1,
        "beta",
        Role.HOSPITAL,
        Status.ACTIVE,
        checksum_free(account("beta")),
        0,
    )


def test_the_reaching_vote_admits_and_a_repeated_reader_sees_it(world: World) -> None:
    roles = int(Role.REGULATOR | Role.LICENSING)
    proposal = world.consortium.send(account("alpha"), "propose_admit", "delta", roles, account("delta"))
    assert world.consortium.logs == [
        Proposed(proposal, Action.ADMIT, ALPHA, DELTA, START_S + PROPOSAL_LIFETIME_S),
        Voted(proposal, ALPHA),
    ]
    assert world.consortium.read("tally", proposal) == 1
    assert world.consortium.send(account("gamma"), "vote", proposal) is True
    assert world.consortium.logs == [
        Voted(proposal, GAMMA),
        Executed(proposal, 2),
        InstitutionAdmitted(DELTA, 3, "delta", roles, account("delta")),
        KeyRegistered(DELTA, KeyKind.CHAIN, 0, as_key(account("delta")), START_S),
    ]
    assert world.consortium.read("has_voted", proposal, GAMMA) is True
    assert world.consortium.read("has_voted", proposal, BETA) is False
    assert world.consortium.read("proposal", proposal)[3] is True
    # the new member counts and votes
    assert world.consortium.read("active_count") == 4
    world.carry(("delta", "beta"), "change_threshold", 4)
    assert world.consortium.read("threshold") == 4


def test_a_threshold_of_one_executes_at_once() -> None:
    world = World(("alpha",), threshold=1)
    world.consortium.send(account("alpha"), "propose_register_kind", "exam", bytes([1]) * 32)
    assert KindRegistered(0, "exam", bytes([1]) * 32) in world.consortium.logs


def test_a_suspended_institution_votes_no_more_and_its_vote_stops_counting(world: World) -> None:
    pending = world.consortium.send(account("gamma"), "propose_register_kind", "exam", bytes([1]) * 32)
    world.carry(("alpha", "beta"), "suspend", GAMMA)
    assert InstitutionSuspended(GAMMA) in world.consortium.logs
    assert world.consortium.read("tally", pending) == 0
    assert world.consortium.read("has_voted", pending, GAMMA) is True
    with pytest.raises(SuspendedError):
        world.consortium.send(account("gamma"), "vote", pending)
    assert world.consortium.send(account("alpha"), "vote", pending) is False
    # reinstated, its old vote counts again, and `execute` carries what now has enough
    world.carry(("alpha", "beta"), "reinstate", GAMMA)
    assert InstitutionReinstated(GAMMA) in world.consortium.logs
    assert world.consortium.read("tally", pending) == 2
    world.consortium.send(account("beta"), "execute", pending)
    assert world.consortium.logs[0] == Executed(pending, 2)
    assert world.consortium.read("kind_count") == 1


def test_a_lowered_threshold_lets_execute_carry_an_older_proposal(world: World) -> None:
    pending = world.consortium.send(account("gamma"), "propose_register_kind", "exam", bytes([1]) * 32)
    with pytest.raises(NotEnoughVotesError):
        world.consortium.send(account("alpha"), "execute", pending)
    world.carry(("alpha", "beta"), "change_threshold", 1)
    world.consortium.send(account("alpha"), "execute", pending)
    assert world.consortium.read("kind_count") == 1


def test_a_vote_belongs_to_the_institution_whatever_key_casts_it(world: World) -> None:
    world.carry(("alpha", "beta"), "change_threshold", 3)
    proposal = world.consortium.send(account("alpha"), "propose_register_kind", "exam", bytes([1]) * 32)
    world.consortium.send(account("alpha"), "register_key", KeyKind.CHAIN, as_key(account("alpha2")), 600)
    for key in ("alpha", "alpha2"):
        with pytest.raises(Exception, match="AlreadyVoted"):
            world.consortium.send(account(key), "vote", proposal)
    assert world.consortium.read("tally", proposal) == 1


def test_a_chain_key_in_its_overlap_votes_but_does_not_administer_and_then_ends(world: World) -> None:
    world.consortium.send(account("alpha"), "register_key", KeyKind.CHAIN, as_key(account("alpha2")), 600)
    assert world.consortium.logs == [
        KeyEnded(ALPHA, KeyKind.CHAIN, 0, as_key(account("alpha")), START_S + 600),
        KeyRegistered(ALPHA, KeyKind.CHAIN, 1, as_key(account("alpha2")), START_S),
    ]
    world.travel(599)
    proposal = world.consortium.send(account("alpha"), "propose_register_kind", "exam", bytes([1]) * 32)
    with pytest.raises(FormerKeyError):
        world.consortium.send(account("alpha"), "register_key", KeyKind.LOG, bytes([1]) * 32, 0)
    world.travel(1)
    with pytest.raises(NotMemberError):
        world.consortium.send(account("alpha"), "vote", proposal)
    world.consortium.send(account("alpha2"), "register_key", KeyKind.LOG, bytes([1]) * 32, 0)
    assert world.consortium.read("institution", ALPHA)[4] == checksum_free(account("alpha2"))


def test_a_third_key_ends_the_first_so_that_two_at_most_are_valid(world: World) -> None:
    keys = [bytes([number]) * 32 for number in (1, 2, 3)]
    for key in keys:
        world.consortium.send(account("alpha"), "register_key", KeyKind.LOG, key, MAX_OVERLAP_S)
        world.travel(10)
    history = [world.consortium.read("key_at", ALPHA, KeyKind.LOG, index) for index in range(3)]
    assert history == [
        (keys[0], START_S, START_S + 20),
        (keys[1], START_S + 10, START_S + 20 + MAX_OVERLAP_S),
        (keys[2], START_S + 20, 0),
    ]
    world.consortium.send(account("alpha"), "end_overlap", KeyKind.LOG)
    assert world.consortium.logs == [KeyEnded(ALPHA, KeyKind.LOG, 1, keys[1], START_S + 30)]
    assert world.consortium.read("key_count", ALPHA, KeyKind.LOG) == 3
    # what has ended stays ended: a later key does not move it
    world.travel(10)
    world.consortium.send(account("alpha"), "register_key", KeyKind.LOG, bytes([4]) * 32, 0)
    assert [event.index for event in world.consortium.logs if isinstance(event, KeyEnded)] == [2]
    assert world.consortium.read("key_at", ALPHA, KeyKind.LOG, 1)[2] == START_S + 30


def test_a_vote_replaces_a_stolen_chain_key_and_ends_its_overlap_too(world: World) -> None:
    world.consortium.send(account("alpha"), "register_key", KeyKind.CHAIN, as_key(account("thief")), 600)
    world.carry(("beta", "gamma"), "replace_chain_key", ALPHA, account("rescue"))
    for key in ("alpha", "thief"):
        with pytest.raises(NotMemberError):
            world.consortium.send(account(key), "propose_register_kind", "exam", bytes([1]) * 32)
    world.consortium.send(account("rescue"), "register_key", KeyKind.LOG, bytes([1]) * 32, 0)


@pytest.mark.parametrize("role", list(Role))
def test_every_role_votes_and_only_a_regulator_has_audit_keys(world: World, role: Role) -> None:
    world.carry(("alpha", "beta"), "admit", "delta", int(role), account("delta"))
    world.carry(("delta", "beta"), "register_kind", role.name, bytes([1]) * 32)
    assert world.consortium.read("kind_count") == 1
    for kind in KeyKind:
        key = as_key(account(f"delta {kind}")) if kind <= KeyKind.ANCHOR else bytes([kind]) * 32
        sender = account("delta") if kind == KeyKind.CHAIN else account(f"delta {KeyKind.CHAIN}")
        if kind == KeyKind.AUDIT and role != Role.REGULATOR:
            with pytest.raises(NotRegulatorError):
                world.consortium.send(sender, "register_key", kind, key, 0)
        else:
            world.consortium.send(sender, "register_key", kind, key, 0)
            index = world.consortium.read("key_count", DELTA, kind) - 1
            assert world.consortium.read("key_at", DELTA, kind, index) == (key, START_S, 0)


def test_audit_keys_end_with_the_regulator_role_and_may_come_back(world: World) -> None:
    world.carry(("alpha", "beta"), "change_roles", GAMMA, int(Role.REGULATOR | Role.HOSPITAL))
    first, second = bytes([1]) * 32, bytes([2]) * 32
    world.consortium.send(account("gamma"), "register_key", KeyKind.AUDIT, first, 0)
    world.consortium.send(account("gamma"), "register_key", KeyKind.AUDIT, second, 600)
    world.travel(5)
    world.carry(("alpha", "beta"), "change_roles", GAMMA, int(Role.HOSPITAL))
    assert world.consortium.logs[2:] == [
        RolesChanged(GAMMA, Role.HOSPITAL),
        KeyEnded(GAMMA, KeyKind.AUDIT, 0, first, START_S + 5),
        KeyEnded(GAMMA, KeyKind.AUDIT, 1, second, START_S + 5),
    ]
    world.carry(("alpha", "beta"), "change_roles", GAMMA, int(Role.REGULATOR))
    world.consortium.send(account("gamma"), "register_key", KeyKind.AUDIT, second, 0)
    assert world.consortium.read("key_count", GAMMA, KeyKind.AUDIT) == 3


def test_an_origin_is_added_moves_and_is_closed_for_a_successor(world: World) -> None:
    for name in ("log.alpha.example", "log2.alpha.example"):
        world.carry(("alpha", "beta"), "add_origin", ALPHA, name, "https://old.example")
    assert OriginAdded(id_of("log2.alpha.example"), ALPHA, "log2.alpha.example", "https://old.example") in (world.consortium.logs)
    world.consortium.send(account("alpha"), "change_endpoint", ORIGIN, "https://new.example")
    assert world.consortium.logs == [EndpointChanged(ORIGIN, "https://new.example")]
    successor, root = id_of("log2.alpha.example"), bytes([5]) * 32
    world.carry(("alpha", "beta"), "close_origin", ORIGIN, 77, root, successor)
    assert world.consortium.logs[-1] == OriginClosed(ORIGIN, 77, root, successor)
    owner, origin = world.consortium.read("origin", ORIGIN)
    assert owner == ALPHA
    assert origin[1:] == ("log.alpha.example", "https://new.example", True, 77, root, successor)
    assert [world.consortium.read("origin_at", index) for index in range(2)] == [ORIGIN, successor]
    assert world.consortium.read("origin", successor)[1][3] is False


def test_kinds_and_catalogues_keep_every_version(world: World) -> None:
    one, two = bytes([1]) * 32, bytes([2]) * 32
    for digest in (one, two, one):
        world.carry(("alpha", "beta"), "register_kind", "exam", digest)
        world.travel(1)
    world.carry(("alpha", "beta"), "register_catalogue", "exam", two)
    assert world.consortium.logs[-1] == CatalogueRegistered(0, "exam", two)
    kinds = [world.consortium.read("kind_at", index) for index in range(world.consortium.read("kind_count"))]
    assert kinds == [("exam", one, START_S), ("exam", two, START_S + 1), ("exam", one, START_S + 2)]
    assert world.consortium.read("catalogue_count") == 1
    assert world.consortium.read("catalogue_at", 0) == ("exam", two, START_S + 3)


@pytest.mark.slow
def test_votes_are_counted_beyond_the_first_256_institutions() -> None:
    world = World(("alpha",), threshold=1)
    for number in range(1, 260):
        world.consortium.send(account("alpha"), "propose_admit", f"clinic {number}", 2, account(f"clinic {number}"))
    world.consortium.send(account("alpha"), "propose_change_threshold", 260)
    proposal = world.consortium.send(account("alpha"), "propose_register_kind", "exam", bytes([1]) * 32)
    for number in range(1, 260):
        assert world.consortium.read("kind_count") == 0
        carried = world.consortium.send(account(f"clinic {number}"), "vote", proposal)
        assert carried is (number == 259)
    assert world.consortium.logs[1] == Executed(proposal, 260)


def test_two_institutions_may_share_an_anchor_key_and_a_rotated_one_overlaps(world: World) -> None:
    world.set_up_log("alpha", "log.alpha.example")
    shared = account("alpha/anchor")
    world.consortium.send(account("beta"), "register_key", KeyKind.ANCHOR, as_key(shared), 0)
    world.carry(("alpha", "beta"), "add_origin", BETA, "log.beta.example", "https://beta.example")
    for name in ("log.alpha.example", "log.beta.example"):
        world.anchors.send(shared, "anchor", id_of(name), 1, bytes([1]) * 32, [])
    world.consortium.send(account("alpha"), "register_key", KeyKind.ANCHOR, as_key(account("next")), 60)
    proof = [bytes([2]) * 32]
    for sender, seconds, allowed in (("alpha/anchor", 59, True), ("next", 0, True), ("alpha/anchor", 1, False)):
        world.travel(seconds)
        with pytest.raises(Exception, match="Fork" if allowed else "NotAnchorKey"):
            world.anchors.send(account(sender), "anchor", ORIGIN, 2, ZERO, proof)
    with pytest.raises(NotAnchorKeyError):
        world.anchors.send(account("next"), "anchor", id_of("log.beta.example"), 2, ZERO, proof)
