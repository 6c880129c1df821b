"""The chain's consistency check against `ledger.proofs`: thousands of random pairs and mutated proofs, one verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random

import pytest

from contracts.errors import ForkError
from contracts.slots import head_slots
from ledger.errors import ConsistencyError
from ledger.hashing import NodeHash, RootHash, TreeSize
from ledger.proofs import verify_consistency
from tests.evm.trees import EqualLeaves, Tree, prove, root
from tests.evm.world import World, account, id_of

ORIGIN = id_of("log.alpha.example")
PLACE_BITS_FROM = 144

Proof = tuple[bytes, ...]


class Chain:
    """The contract, with any head as the last accepted one."""

    def __init__(self) -> None:
        self.world = World(("alpha", "beta"), threshold=1)
        self.world.set_up_log("alpha", "log.alpha.example", voters=("alpha",))
        self.world.anchors.send(account("alpha/anchor"), "anchor", ORIGIN, 1, bytes(32), [])
        self.slots = head_slots(ORIGIN)
        word = self.world.env.get_storage(self.world.anchors.address, self.slots[0])
        self.place = word >> PLACE_BITS_FROM << PLACE_BITS_FROM

    def accepts(self, old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Proof) -> bool:
        address = self.world.anchors.address
        self.world.env.set_storage(address, self.slots[0], self.place | old_size)
        self.world.env.set_storage(address, self.slots[1], int.from_bytes(old_root, "big"))
        try:
            self.world.anchors.send(account("alpha/anchor"), "anchor", ORIGIN, new_size, new_root, proof)
        except ForkError:
            return False
        word, stored = (self.world.env.get_storage(address, slot) for slot in self.slots)
        assert (word % 2**48, stored.to_bytes(32, "big")) == (new_size, new_root)
        return True


def python_accepts(old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Proof) -> bool:
    try:
        verify_consistency(
            old_size=TreeSize(old_size),
            new_size=TreeSize(new_size),
            old_root=RootHash(old_root),
            new_root=RootHash(new_root),
            proof=tuple(NodeHash(node) for node in proof),
        )
    except ConsistencyError:
        return False
    return True


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


@pytest.fixture(scope="module")
def tree() -> Tree:
    tree = Tree("entry")
    tree.grow(1500)
    return tree


def flip(node: bytes, random: Random) -> bytes:
    position = random.randrange(32)
    return node[:position] + bytes([node[position] ^ 1 << random.randrange(8)]) + node[position + 1 :]


def flip_one(proof: Proof, random: Random) -> Proof:
    position = random.randrange(len(proof))
    return (*proof[:position], flip(proof[position], random), *proof[position + 1 :])


def drop_one(proof: Proof, random: Random) -> Proof:
    position = random.randrange(len(proof))
    return (*proof[:position], *proof[position + 1 :])


def repeat_one(proof: Proof, random: Random) -> Proof:
    position = random.randrange(len(proof))
    return (*proof[:position], proof[position], *proof[position:])


def swap_two(proof: Proof, random: Random) -> Proof:
    shuffled = list(proof)
    random.shuffle(shuffled)
    return tuple(shuffled)


def append_one(proof: Proof, random: Random) -> Proof:
    return (*proof, random.randbytes(32))


MUTATIONS: Sequence[Callable[[Proof, Random], Proof]] = (flip_one, drop_one, repeat_one, swap_two, append_one)


def random_pairs(random: Random, count: int, largest: int) -> Iterator[tuple[int, int]]:
    for _ in range(count):
        new_size = random.randint(2, random.choice((8, 40, largest)))
        yield random.randint(1, new_size - 1), new_size


@pytest.mark.slow
def test_every_pair_of_small_sizes(chain: Chain, tree: Tree) -> None:
    for new_size in range(2, 34):
        for old_size in range(1, new_size):
            proof = prove(tree, old_size, new_size)
            assert chain.accepts(old_size, new_size, root(tree, old_size), root(tree, new_size), proof)


@pytest.mark.slow
def test_random_pairs_and_mutated_proofs_get_one_verdict(chain: Chain, tree: Tree) -> None:
    random = Random(1)  # noqa: S311 - a test's choice of cases
    refused = 0
    for old_size, new_size in random_pairs(random, 800, tree.size):
        proof = prove(tree, old_size, new_size)
        roots = root(tree, old_size), root(tree, new_size)
        assert chain.accepts(old_size, new_size, *roots, proof)
        mutation = random.choice(MUTATIONS) if proof else append_one
        mutated = mutation(proof, random)
        verdict = python_accepts(old_size, new_size, *roots, mutated)
        assert chain.accepts(old_size, new_size, *roots, mutated) is verdict
        refused += not verdict
    assert refused > 600


@pytest.mark.slow
def test_wrong_roots_and_sizes_get_one_verdict(chain: Chain, tree: Tree) -> None:
    random = Random(2)  # noqa: S311 - a test's choice of cases
    for old_size, new_size in random_pairs(random, 350, tree.size):
        proof = prove(tree, old_size, new_size)
        old_root, new_root = root(tree, old_size), root(tree, new_size)
        assert not chain.accepts(old_size, new_size, flip(old_root, random), new_root, proof)
        assert not chain.accepts(old_size, new_size, old_root, flip(new_root, random), proof)
        # the right proof for other sizes: sometimes the shape fits, so the oracle decides
        other_old = random.randint(1, new_size - 1)
        other_new = random.randint(old_size + 1, tree.size)
        for sizes in ((other_old, new_size), (old_size, other_new)):
            case = (*sizes, old_root, new_root, proof)
            assert chain.accepts(*case) is python_accepts(*case)


@pytest.mark.slow
def test_sizes_up_to_the_largest(chain: Chain) -> None:
    tree = EqualLeaves()
    random = Random(3)  # noqa: S311 - a test's choice of cases
    for _ in range(100):
        new_size = random.randrange(2, 2 ** random.randint(2, 48))
        old_size = random.randrange(1, new_size)
        proof = prove(tree, old_size, new_size)
        roots = root(tree, old_size), root(tree, new_size)
        assert chain.accepts(old_size, new_size, *roots, proof)
        assert not chain.accepts(old_size, new_size, *roots, append_one(proof, random))
    for old_size, new_size in ((2**47, 2**48 - 1), (2**47 - 1, 2**47), (2**48 - 2, 2**48 - 1), (1, 2**48 - 1)):
        proof = prove(tree, old_size, new_size)
        assert chain.accepts(old_size, new_size, root(tree, old_size), root(tree, new_size), proof)
