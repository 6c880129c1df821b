"""Roots and proofs against pymerkle, an implementation of RFC 9162 by others, and against the RFC's own recursion."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree
from pymerkle import verify_consistency as oracle_consistency
from pymerkle import verify_inclusion as oracle_inclusion

from ledger.compact import Frontier
from ledger.errors import ConsistencyError, InclusionError
from ledger.hashing import LeafHash, LeafIndex, NodeHash, RootHash, TreeSize, hash_children, hash_leaves, root_of_leaves
from ledger.proofs import prove_consistency, prove_inclusion, root_at, verify_consistency, verify_inclusion
from ledger.tiles import bundles_between, bundles_of, edge_tiles, tiles_between, tiles_of
from tests.property.ledger_core.trees import LeafReader, TileDict, numbered_entries, numbered_leaves

pytestmark = pytest.mark.slow

MOST = 600  # two tile levels, with partial tiles in both
LEAVES = numbered_leaves(MOST)
ORACLE = InmemoryTree.init_from_entries(numbered_entries(MOST), algorithm="sha256")
SIZES = st.integers(1, MOST)


def oracle_root(size: int) -> RootHash:
    return RootHash(ORACLE.get_root(size))


@st.composite
def positions(draw: st.DrawFn) -> tuple[LeafIndex, TreeSize]:
    size = draw(SIZES)
    return LeafIndex(draw(st.integers(0, size - 1))), TreeSize(size)


@st.composite
def growths(draw: st.DrawFn) -> tuple[TreeSize, TreeSize]:
    size = draw(SIZES)
    return TreeSize(draw(st.integers(0, size))), TreeSize(size)


def subproof(old: int, leaves: Sequence[LeafHash], *, complete: bool) -> list[bytes]:
    """SUBPROOF of RFC 9162 section 2.1.4.1, word for word."""
    if old == len(leaves):
        return [] if complete else [root_of_leaves(leaves)]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if old <= split:
        return [*subproof(old, leaves[:split], complete=complete), root_of_leaves(leaves[split:])]
    return [*subproof(old - split, leaves[split:], complete=False), root_of_leaves(leaves[:split])]


@given(st.lists(st.binary(max_size=40), max_size=70))
def test_root_is_that_of_the_oracle(entries: list[bytes]) -> None:
    oracle = InmemoryTree.init_from_entries(entries, algorithm="sha256")
    leaves = hash_leaves(entries)
    assert root_of_leaves(leaves) == oracle.get_root()
    assert Frontier.empty().append(leaves)[0].root() == oracle.get_root()


@given(st.lists(st.integers(0, 300), max_size=8))
def test_batches_of_any_cut_give_the_same_tree(cuts: list[int]) -> None:
    log, done = TileDict(), 0
    for cut in cuts:
        batch = LEAVES[done : done + cut]
        log.append(batch)
        grown = TreeSize(done + len(batch))
        assert log.frontier.size == grown
        assert log.frontier.root() == root_of_leaves(LEAVES[:grown]) == root_at(log.reader(), grown)
        done = grown


@given(growths())
def test_an_append_makes_exactly_the_tiles_that_the_growth_names(growth: tuple[TreeSize, TreeSize]) -> None:
    old, new = growth
    log = TileDict()
    log.append(LEAVES[:old])
    before = log.tiles
    log.tiles = {}
    log.append(LEAVES[old:new])
    assert list(log.tiles) == list(tiles_between(old, new))
    assert {**before, **log.tiles}.keys() >= set(tiles_of(new))
    assert {*bundles_of(old), *bundles_between(old, new)} >= set(bundles_of(new))


@given(SIZES)
def test_the_frontier_is_rebuilt_from_the_partial_tiles(size: int) -> None:
    log = TileDict()
    log.append(LEAVES[:size])
    edges = tuple(b"" if tile is None else log.tiles[tile] for tile in edge_tiles(TreeSize(size)))
    assert Frontier(TreeSize(size), edges) == log.frontier


@given(positions())
def test_inclusion_proof_is_the_oracles(position: tuple[LeafIndex, TreeSize]) -> None:
    index, size = position
    log = TileDict()
    log.append(LEAVES)
    proof = prove_inclusion(log.reader(), index, size)
    theirs = ORACLE.prove_inclusion(index + 1, size)
    assert list(proof) == theirs.path[1:]
    assert proof == prove_inclusion(LeafReader(LEAVES), index, size)
    assert len(log.requests) == 1
    root = oracle_root(size)
    verify_inclusion(index=index, size=size, leaf=LEAVES[index], proof=proof, root=root)
    oracle_inclusion(LEAVES[index], root, theirs, index=index + 1, size=size)


@given(growths())
def test_consistency_proof_is_the_rfcs(growth: tuple[TreeSize, TreeSize]) -> None:
    old, new = growth
    log = TileDict()
    log.append(LEAVES)
    proof = prove_consistency(log.reader(), old, new)
    assert list(proof) == (subproof(old, LEAVES[:new], complete=True) if old else [])
    assert len(log.requests) == (1 if 0 < old < new else 0)
    verify_consistency(old_size=old, new_size=new, old_root=oracle_root(old), new_root=oracle_root(new), proof=proof)
    if old:
        theirs = ORACLE.prove_consistency(old, new)
        oracle_consistency(root_of_leaves(LEAVES[:old]), root_of_leaves(LEAVES[:new]), theirs)


@given(positions(), st.data())
def test_a_changed_inclusion_claim_is_refused(position: tuple[LeafIndex, TreeSize], data: st.DataObject) -> None:
    index, size = position
    proof = prove_inclusion(LeafReader(LEAVES), index, size)
    changed = data.draw(mutations(proof))
    with pytest.raises(InclusionError):
        verify_inclusion(index=index, size=size, leaf=LEAVES[index], proof=changed, root=oracle_root(size))


@given(positions(), positions())
def test_a_proof_holds_at_its_own_place_only(one: tuple[LeafIndex, TreeSize], other: tuple[LeafIndex, TreeSize]) -> None:
    proof = prove_inclusion(LeafReader(LEAVES), *one)
    if one == other:
        return
    with pytest.raises(InclusionError):
        verify_inclusion(index=other[0], size=other[1], leaf=LEAVES[one[0]], proof=proof, root=oracle_root(other[1]))


@given(growths().filter(lambda growth: growth[0] > 0), st.data())
def test_a_changed_consistency_proof_is_refused(growth: tuple[TreeSize, TreeSize], data: st.DataObject) -> None:
    old, new = growth
    proof = prove_consistency(LeafReader(LEAVES), old, new)
    changed = data.draw(mutations(proof))
    with pytest.raises(ConsistencyError):
        verify_consistency(old_size=old, new_size=new, old_root=oracle_root(old), new_root=oracle_root(new), proof=changed)


@given(growths().filter(lambda growth: 0 < growth[0] < growth[1]), st.integers(0, MOST - 1))
def test_a_forked_log_has_no_proof(growth: tuple[TreeSize, TreeSize], place: int) -> None:
    old, new = growth
    forked = list(LEAVES[:new])
    forked[place % old] = LeafHash(hash_children(forked[place % old], b""))
    proof = prove_consistency(LeafReader(forked), old, new)
    with pytest.raises(ConsistencyError):
        verify_consistency(old_size=old, new_size=new, old_root=oracle_root(old), new_root=root_of_leaves(forked), proof=proof)


def mutations(proof: Sequence[NodeHash]) -> st.SearchStrategy[tuple[NodeHash, ...]]:
    """Proofs that differ from this one: a hash more, a hash fewer, a bit flipped, a hash cut short, two swapped."""
    stranger = NodeHash(b"\x42" * 32)
    options: list[st.SearchStrategy[tuple[NodeHash, ...]]] = [
        st.integers(0, len(proof)).map(lambda at: (*proof[:at], stranger, *proof[at:])),
    ]
    if proof:
        places = st.integers(0, len(proof) - 1)
        options += [
            places.map(lambda at: (*proof[:at], *proof[at + 1 :])),
            places.map(lambda at: (*proof[:at], NodeHash(proof[at][:-1]), *proof[at + 1 :])),
            st.tuples(places, st.integers(0, 255)).map(
                lambda pick: (*proof[: pick[0]], flip(proof[pick[0]], pick[1]), *proof[pick[0] + 1 :])
            ),
        ]
    if len(proof) > 1:
        options.append(st.integers(1, len(proof) - 1).map(lambda by: (*proof[by:], *proof[:by])))
    return st.one_of(options)


def flip(data: bytes, bit: int) -> NodeHash:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return NodeHash(bytes(changed))
