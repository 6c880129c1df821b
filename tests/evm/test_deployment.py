"""What a deployment leaves on chain is what a trust root can pin from the artifacts."""

from __future__ import annotations

from eth_hash.auto import keccak

from contracts import artifact
from contracts.slots import member_slot
from contracts.terms import Role, Status
from tests.evm.world import World, account, as_key


def test_the_code_on_chain_has_the_hash_that_the_artifact_foretells() -> None:
    world = World()
    assert keccak(world.consortium.code) == artifact("consortium").deployed_code_hash()
    immutables = as_key(world.consortium.raw_address)
    assert world.anchors.code == artifact("log_anchors").deployed_code(immutables)
    assert keccak(world.anchors.code) == artifact("log_anchors").deployed_code_hash(immutables)
    assert world.anchors.read("consortium") == "0x" + world.consortium.raw_address.hex()


def test_a_member_word_is_packed_as_the_specification_says() -> None:
    world = World()
    world.set_up_log("beta", "log.beta.example")
    word = world.env.get_storage(world.consortium.address, member_slot(1))
    anchor_key = int.from_bytes(account("beta/anchor"), "big")
    assert word == anchor_key | 1 << 160 | Role.HOSPITAL << 192 | Status.ACTIVE << 208 | 1 << 216
