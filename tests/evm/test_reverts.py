"""Every named revert of `consortium` and `log_anchors`, each provoked on its own; the tables must be complete."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import resources

import pytest

from contracts.artifacts import CONTRACT_NAMES, artifact
from contracts.errors import REVERTS, RevertError, UnnamedRevertError
from contracts.slots import head_slots
from contracts.terms import MAX_INSTITUTIONS, MAX_ORIGINS, MAX_OVERLAP_S, PROPOSAL_LIFETIME_S, KeyKind
from ledger.hashing import EMPTY_ROOT
from tests.evm.test_consent_reverts import CASES as CONSENT_CASES
from tests.evm.world import Deployed, World, account, as_key, id_of

ORIGIN = "log.alpha.example"
ZERO = bytes(32)
ROOT = bytes([7]) * 32
FRESH = account("fresh")
Case = Callable[[World], object]


def propose(function: str, *arguments: object, sender: str = "alpha") -> Case:
    return lambda world: world.consortium.send(account(sender), f"propose_{function}", *arguments)


def send(function: str, *arguments: object, sender: str = "alpha") -> Case:
    return lambda world: world.consortium.send(account(sender), function, *arguments)


def anchor(size: int, root: bytes = ROOT, proof: tuple[bytes, ...] = (), *, sender: str = "alpha/anchor") -> Case:
    return lambda world: world.anchors.send(account(sender), "anchor", id_of(ORIGIN), size, root, proof)


def after(*steps: Case) -> Case:
    def run(world: World) -> None:
        *before, last = steps
        try:
            for step in before:
                step(world)
        except RevertError as error:
            raise AssertionError("only the last step may revert") from error
        world.travel(1)
        last(world)

    return run


def carried(function: str, *arguments: object) -> Case:
    return lambda world: world.carry(("alpha", "beta"), function, *arguments)


def travel(seconds: int) -> Case:
    return lambda world: world.travel(seconds)


def found(*founders: tuple[str, int, bytes], threshold: int) -> Case:
    return lambda world: Deployed(world.env, "consortium", ["(string,uint256,address)[]", "uint256"], [list(founders), threshold])


def fill_origins(world: World) -> None:
    for number in range(MAX_ORIGINS - 1):
        world.carry(("alpha", "beta"), "add_origin", id_of("alpha"), f"log{number}.example", "https://x.example")


def fill_institutions(world: World) -> None:
    slot = artifact("consortium").storage_layout["institution_count"]["slot"]
    world.env.set_storage(world.consortium.address, slot, MAX_INSTITUTIONS)


KEY = bytes([9]) * 32
CLOSE = ("close_origin", id_of(ORIGIN), 5, ROOT, ZERO)
SUSPEND_ALPHA = carried("suspend", id_of("alpha"))

CASES: list[tuple[str, Case]] = [
    # log_anchors
    ("RepeatedHead", after(anchor(1), anchor(1))),
    ("RepeatedHead", anchor(0, EMPTY_ROOT)),
    ("Fork", anchor(0)),
    ("Fork", anchor(2, ROOT, (ROOT,))),
    ("Fork", after(anchor(1), anchor(1, KEY))),
    ("Fork", after(anchor(1), anchor(2, KEY))),
    ("Fork", after(anchor(3), anchor(4, KEY, (ROOT,) * 3))),
    ("Shrunk", after(anchor(2), anchor(1))),
    ("Shrunk", after(anchor(2), anchor(0, EMPTY_ROOT))),
    ("ProofTooLong", anchor(2, ROOT, (ROOT,) * 64)),
    ("SizeTooLarge", anchor(2**48)),
    ("SizeTooLarge", anchor(2**64 - 1)),
    ("UnknownOrigin", lambda world: world.anchors.send(account("alpha/anchor"), "anchor", KEY, 1, ROOT, ())),
    ("NotAnchorKey", anchor(1, sender="alpha")),
    ("NotAnchorKey", anchor(1, sender="stranger")),
    ("NotAnchorKey", after(anchor(1), anchor(2, sender="stranger"))),
    ("OriginClosed", after(carried(*CLOSE), anchor(1))),
    ("OriginClosed", after(anchor(1), carried(*CLOSE), anchor(1))),
    ("Suspended", after(SUSPEND_ALPHA, anchor(1))),
    ("Suspended", after(anchor(1), SUSPEND_ALPHA, anchor(1))),
    ("NotContract", lambda world: Deployed(world.env, "log_anchors", ["address"], [account("nobody")])),
    # who may call the consortium
    ("NotMember", propose("suspend", id_of("alpha"), sender="stranger")),
    ("NotMember", send("vote", 0, sender="stranger")),
    ("NotMember", send("execute", 0, sender="stranger")),
    ("NotMember", send("register_key", KeyKind.LOG, KEY, 0, sender="stranger")),
    ("NotMember", send("end_overlap", KeyKind.LOG, sender="stranger")),
    ("NotMember", send("change_endpoint", id_of(ORIGIN), "x", sender="stranger")),
    ("NotMember", after(send("register_key", KeyKind.CHAIN, as_key(FRESH), 0), propose("suspend", id_of("beta")))),
    ("Suspended", after(SUSPEND_ALPHA, propose("change_threshold", 1))),
    ("Suspended", after(propose("change_threshold", 1, sender="gamma"), SUSPEND_ALPHA, send("vote", 1))),
    ("Suspended", after(SUSPEND_ALPHA, send("register_key", KeyKind.LOG, KEY, 0))),
    ("Suspended", after(SUSPEND_ALPHA, send("change_endpoint", id_of(ORIGIN), "x"))),
    ("Suspended", after(SUSPEND_ALPHA, propose("suspend", id_of("alpha"), sender="beta"))),
    ("FormerKey", after(send("register_key", KeyKind.CHAIN, as_key(FRESH), 60), send("end_overlap", KeyKind.CHAIN))),
    ("NotOwner", send("change_endpoint", id_of(ORIGIN), "https://x.example", sender="beta")),
    ("NotRegulator", send("register_key", KeyKind.AUDIT, KEY, 0)),
    # what is not there
    ("UnknownInstitution", propose("suspend", KEY)),
    ("UnknownInstitution", propose("reinstate", KEY)),
    ("UnknownInstitution", propose("change_roles", KEY, 1)),
    ("UnknownInstitution", propose("add_origin", KEY, "new.example", "https://x.example")),
    ("UnknownInstitution", propose("replace_chain_key", KEY, FRESH)),
    ("UnknownInstitution", lambda world: world.consortium.read("institution", KEY)),
    ("UnknownInstitution", lambda world: world.consortium.read("key_count", KEY, 1)),
    ("UnknownInstitution", lambda world: world.consortium.read("key_at", KEY, 1, 0)),
    ("UnknownInstitution", lambda world: world.consortium.read("has_voted", 0, KEY)),
    ("UnknownOrigin", propose("close_origin", KEY, 5, ROOT, ZERO)),
    ("UnknownOrigin", propose("close_origin", id_of(ORIGIN), 5, ROOT, KEY)),
    ("UnknownOrigin", send("change_endpoint", KEY, "x")),
    ("UnknownOrigin", lambda world: world.consortium.read("origin", KEY)),
    ("UnknownProposal", send("vote", 1)),
    ("UnknownProposal", send("execute", 1)),
    ("UnknownProposal", lambda world: world.consortium.read("proposal", 1)),
    ("UnknownProposal", lambda world: world.consortium.read("tally", 1)),
    ("UnknownKeyKind", send("register_key", 0, KEY, 0)),
    ("UnknownKeyKind", send("register_key", 8, KEY, 0)),
    ("UnknownKey", lambda world: world.consortium.read("key_at", id_of("alpha"), KeyKind.CHAIN, 1)),
    ("UnknownEntry", lambda world: world.consortium.read("kind_at", 0)),
    ("UnknownEntry", lambda world: world.consortium.read("catalogue_at", 0)),
    # votes
    ("AlreadyVoted", after(propose("suspend", id_of("gamma")), send("vote", 1))),
    ("ProposalClosed", after(carried("suspend", id_of("gamma")), send("vote", 1))),
    ("ProposalClosed", after(carried("suspend", id_of("gamma")), send("execute", 1))),
    (
        "ProposalExpired",
        after(propose("suspend", id_of("gamma")), travel(PROPOSAL_LIFETIME_S - 1), send("vote", 1, sender="beta")),
    ),
    ("ProposalExpired", after(propose("suspend", id_of("gamma")), travel(PROPOSAL_LIFETIME_S), send("execute", 1))),
    ("NotEnoughVotes", after(propose("suspend", id_of("gamma")), send("execute", 1))),
    # the present state
    ("OriginClosed", after(carried(*CLOSE), propose(*CLOSE))),
    ("OriginClosed", after(carried(*CLOSE), send("change_endpoint", id_of(ORIGIN), "https://x.example"))),
    ("OriginExists", propose("add_origin", id_of("beta"), ORIGIN, "https://x.example")),
    ("InstitutionExists", propose("admit", "alpha", 1, FRESH)),
    ("InstitutionExists", found(("a", 1, account("a")), ("a", 1, account("b")), threshold=1)),
    ("NotSuspended", propose("reinstate", id_of("alpha"))),
    ("BelowThreshold", after(carried("change_threshold", 3), propose("suspend", id_of("gamma")))),
    ("TooManyOrigins", after(fill_origins, propose("add_origin", id_of("alpha"), "more.example", "https://x.example"))),
    ("TooManyInstitutions", after(fill_institutions, propose("admit", "delta", 1, FRESH))),
    ("KeyInUse", propose("admit", "delta", 1, account("beta"))),
    ("KeyInUse", propose("replace_chain_key", id_of("alpha"), account("alpha"))),
    ("KeyInUse", send("register_key", KeyKind.CHAIN, as_key(account("beta")), 0)),
    ("KeyInUse", found(("a", 1, account("a")), ("b", 1, account("a")), threshold=1)),
    ("RepeatedKey", after(send("register_key", KeyKind.LOG, KEY, 0), send("register_key", KeyKind.LOG, KEY, 0))),
    ("NoOverlap", send("end_overlap", KeyKind.LOG)),
    ("NoOverlap", send("end_overlap", KeyKind.CHAIN)),
    (
        "NoOverlap",
        after(
            send("register_key", KeyKind.LOG, KEY, 0),
            send("register_key", KeyKind.LOG, ROOT, 1),
            send("end_overlap", KeyKind.LOG),
        ),
    ),
    ("AlreadyRegistered", after(carried("register_kind", "exam", KEY), propose("register_kind", "exam", KEY))),
    ("AlreadyRegistered", after(carried("register_catalogue", "c", KEY), propose("register_catalogue", "c", KEY))),
    # arguments
    ("BadRoles", propose("admit", "delta", 0, FRESH)),
    ("BadRoles", propose("admit", "delta", 512, FRESH)),
    ("BadRoles", propose("change_roles", id_of("alpha"), 0)),
    ("BadRoles", propose("change_roles", id_of("alpha"), 512)),
    ("BadRoles", found(("a", 0, account("a")), threshold=1)),
    ("BadThreshold", propose("change_threshold", 0)),
    ("BadThreshold", propose("change_threshold", 4)),
    ("BadThreshold", found(threshold=0)),
    ("BadThreshold", found(threshold=1)),
    ("BadThreshold", found(("a", 1, account("a")), threshold=2)),
    ("BadKey", propose("admit", "delta", 1, bytes(20))),
    ("BadKey", propose("replace_chain_key", id_of("alpha"), bytes(20))),
    ("BadKey", send("register_key", KeyKind.LOG, ZERO, 0)),
    ("BadKey", send("register_key", KeyKind.ANCHOR, bytes([0] * 11 + [1] * 21), 0)),
    ("BadKey", send("register_key", KeyKind.CHAIN, KEY, 0)),
    ("BadDigest", propose("register_kind", "exam", ZERO)),
    ("BadDigest", propose("register_catalogue", "c", ZERO)),
    ("BadSuccessor", propose("close_origin", id_of(ORIGIN), 5, ROOT, id_of(ORIGIN))),
    ("SizeTooLarge", propose("close_origin", id_of(ORIGIN), 2**48, ROOT, ZERO)),
    ("EmptyText", propose("admit", "", 1, FRESH)),
    ("EmptyText", propose("add_origin", id_of("alpha"), "", "https://x.example")),
    ("EmptyText", propose("add_origin", id_of("alpha"), "new.example", "")),
    ("EmptyText", propose("register_kind", "", KEY)),
    ("EmptyText", send("change_endpoint", id_of(ORIGIN), "")),
    ("OverlapTooLong", send("register_key", KeyKind.LOG, KEY, MAX_OVERLAP_S + 1)),
]


@pytest.fixture(scope="module")
def world() -> World:
    world = World()
    world.set_up_log("alpha", ORIGIN)
    return world


@pytest.mark.parametrize(("reason", "case"), CASES, ids=[f"{number}-{case[0]}" for number, case in enumerate(CASES)])
def test_refuses_by_name(world: World, reason: str, case: Case) -> None:
    with world.undone():
        with pytest.raises(RevertError) as caught:
            case(world)
        assert type(caught.value) is REVERTS[reason]


def test_every_reason_in_the_sources_has_a_class_and_a_case() -> None:
    source = "".join(resources.files("contracts").joinpath("src", f"{name}.vy").read_text("utf-8") for name in CONTRACT_NAMES)
    reasons = set(re.findall(r'(?:assert .*, |raise )"(\w+)"', source))
    assert reasons == set(REVERTS) == {reason for reason, _ in CASES} | {reason for reason, _ in CONSENT_CASES}
    assert source.count("assert ") + source.count("raise ") == len(re.findall(r'(?:assert .*, |raise )"(\w+)"', source))


OUT_OF_BOUNDS: list[Case] = [
    anchor(2, ROOT, (ROOT,) * 65),
    propose("admit", "x" * 65, 1, FRESH),
    propose("add_origin", id_of("alpha"), "x" * 129, "https://x.example"),
    propose("add_origin", id_of("alpha"), "x", "x" * 257),
    propose("register_kind", "x" * 65, KEY),
    propose("register_catalogue", "x" * 65, KEY),
    send("change_endpoint", id_of(ORIGIN), "x" * 257),
    found(*((f"f{number}", 1, account(f"f{number}")) for number in range(17)), threshold=1),
]


@pytest.mark.parametrize("case", OUT_OF_BOUNDS)
def test_refuses_arguments_longer_than_their_bound(world: World, case: Case) -> None:
    with world.undone(), pytest.raises(UnnamedRevertError):
        case(world)


@pytest.mark.parametrize("contract", ["consortium", "log_anchors"])
def test_refuses_value_and_unknown_selectors(world: World, contract: str) -> None:
    deployed = world.consortium if contract == "consortium" else world.anchors
    assert deployed.raw(account("alpha"), b"").is_error
    assert deployed.raw(account("alpha"), b"\xff\xff\xff\xff").is_error


def test_a_refused_anchor_changes_no_slot(world: World) -> None:
    with world.undone():
        anchor(3)(world)
        slots = head_slots(id_of(ORIGIN))
        before = [world.env.get_storage(world.anchors.address, slot) for slot in slots]
        for refused in (anchor(3), anchor(3, KEY), anchor(2), anchor(4, KEY, (ROOT,) * 3)):
            with pytest.raises(RevertError):
                refused(world)
        assert [world.env.get_storage(world.anchors.address, slot) for slot in slots] == before
