from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ledger.checkpoints import Checkpoint, sign_checkpoint
from ledger.errors import (
    ConsistencyError,
    InclusionError,
    MalformedProofError,
    OriginMismatchError,
    OutOfRangeError,
    SignatureError,
)
from ledger.hashing import (
    EMPTY_ROOT,
    MAX_TREE_SIZE,
    LeafHash,
    LeafIndex,
    NodeHash,
    RootHash,
    TreeSize,
    hash_children,
    hash_leaf,
    hash_leaves,
    root_of_leaves,
)
from ledger.notes import NoteSigner
from ledger.proofs import (
    MAX_PROOF_BYTES,
    TlogProof,
    encode_tlog_proof,
    parse_tlog_proof,
    prove_consistency,
    prove_inclusion,
    root_at,
    verify_consistency,
    verify_inclusion,
    verify_tlog_proof,
)
from tests.property.ledger_core.trees import LeafReader

SIGNER = NoteSigner.from_seed("log.example", b"\x01" * 32)
LEAVES = hash_leaves([b"%d" % at for at in range(7)])
ROOT = root_of_leaves(LEAVES)
SIZE = TreeSize(7)
READER = LeafReader(LEAVES)
NOTE = sign_checkpoint(Checkpoint("log.example", SIZE, ROOT), SIGNER)
PROOF = TlogProof(LeafIndex(2), prove_inclusion(READER, LeafIndex(2), SIZE), NOTE)
ENCODED = encode_tlog_proof(PROOF)


def check_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes = ROOT) -> None:
    verify_inclusion(
        index=LeafIndex(index),
        size=TreeSize(size),
        leaf=LeafHash(leaf),
        proof=[NodeHash(each) for each in proof],
        root=RootHash(root),
    )


def check_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes] = ()) -> None:
    verify_consistency(
        old_size=TreeSize(old),
        new_size=TreeSize(new),
        old_root=RootHash(old_root),
        new_root=RootHash(new_root),
        proof=[NodeHash(each) for each in proof],
    )


def included(index: int) -> list[bytes]:
    return list(prove_inclusion(READER, LeafIndex(index), SIZE))


def consistent(old_size: int) -> list[bytes]:
    return list(prove_consistency(READER, TreeSize(old_size), SIZE))


def test_the_example_of_rfc_9162() -> None:
    """Section 2.1.5: the leaf hashes a to f and j of seven entries, and the inner nodes g, h, i, k, l by its letters."""
    leaves: list[bytes] = list(LEAVES)
    a, b, c, d, e, f, j = leaves
    g, h, i = hash_children(a, b), hash_children(c, d), hash_children(e, f)
    k, l = hash_children(g, h), hash_children(i, j)  # noqa: E741 - the RFC's letter
    assert bytes(hash_children(k, l)) == ROOT
    assert included(0) == [b, h, l]
    assert included(3) == [c, g, l]
    assert included(4) == [f, j, k]
    assert included(6) == [i, k]
    assert consistent(3) == [c, d, g, l]
    assert consistent(4) == [l]
    assert consistent(6) == [i, j, k]


def test_a_single_leaf_needs_no_proof() -> None:
    leaf = LEAVES[0]
    assert prove_inclusion(READER, LeafIndex(0), TreeSize(1)) == ()
    check_inclusion(0, 1, leaf, (), leaf)
    with pytest.raises(InclusionError, match="more hashes"):
        check_inclusion(0, 1, leaf, [leaf], leaf)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (7, 7), (8, 7), (-1, 7), (0, MAX_TREE_SIZE + 1)])
def test_leaves_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(OutOfRangeError):
        prove_inclusion(READER, LeafIndex(index), TreeSize(size))
    with pytest.raises(InclusionError, match="no such leaf"):
        check_inclusion(index, size, LEAVES[0], ())


def test_an_index_of_the_same_path_shape_is_refused() -> None:
    # Without the check of index < size, index 8 in a tree of 7 would walk like some smaller index.
    for index in (8, 10, 2 + 2**40):
        with pytest.raises(InclusionError):
            check_inclusion(index, 7, LEAVES[2], PROOF.path)


def test_proofs_of_another_length_say_so() -> None:
    with pytest.raises(InclusionError, match="fewer hashes"):
        check_inclusion(2, 7, LEAVES[2], PROOF.path[:-1])
    with pytest.raises(InclusionError, match="more hashes"):
        check_inclusion(2, 7, LEAVES[2], (*PROOF.path, PROOF.path[0]))
    with pytest.raises(InclusionError, match="another root") as caught:
        check_inclusion(2, 7, LEAVES[3], PROOF.path)
    assert (caught.value.index, caught.value.size, caught.value.reason) == (2, 7, "the proof leads to another root")


@pytest.mark.parametrize("wrong", [b"", b"\0" * 31, b"\0" * 33])
def test_hashes_are_32_bytes(wrong: bytes) -> None:
    with pytest.raises(InclusionError, match="32 bytes"):
        check_inclusion(2, 7, wrong, PROOF.path)
    with pytest.raises(InclusionError, match="32 bytes"):
        check_inclusion(2, 7, LEAVES[2], PROOF.path, wrong)
    with pytest.raises(InclusionError, match="32 bytes"):
        check_inclusion(2, 7, LEAVES[2], [wrong, *PROOF.path[1:]])
    with pytest.raises(ConsistencyError, match="32 bytes"):
        check_consistency(7, 7, wrong, wrong)


def test_a_node_is_no_leaf() -> None:
    inner = hash_children(LEAVES[0], LEAVES[1])
    with pytest.raises(InclusionError):
        check_inclusion(0, 7, inner, prove_inclusion(READER, LeafIndex(0), SIZE)[1:])
    assert bytes(hash_leaf(LEAVES[0] + LEAVES[1])) != inner


def test_roots_of_prefixes() -> None:
    assert root_at(READER, TreeSize(0)) == EMPTY_ROOT
    assert [root_at(READER, TreeSize(size)) for size in range(1, 8)] == [root_of_leaves(LEAVES[:n]) for n in range(1, 8)]


@pytest.mark.parametrize(("old", "new"), [(2, 1), (-1, 1), (1, MAX_TREE_SIZE + 1)])
def test_logs_do_not_shrink(old: int, new: int) -> None:
    with pytest.raises(OutOfRangeError):
        prove_consistency(READER, TreeSize(old), TreeSize(new))
    with pytest.raises(ConsistencyError, match="shrank"):
        check_consistency(old, new, ROOT, ROOT)


def test_from_nothing_only_the_empty_root_and_proof() -> None:
    assert prove_consistency(READER, TreeSize(0), SIZE) == ()
    check_consistency(0, 7, EMPTY_ROOT, ROOT)
    check_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT)
    with pytest.raises(ConsistencyError, match="has to be empty"):
        check_consistency(0, 7, EMPTY_ROOT, ROOT, [ROOT])
    with pytest.raises(ConsistencyError, match="hash of nothing"):
        check_consistency(0, 7, ROOT, ROOT)


def test_an_empty_tree_has_one_root() -> None:
    for old_root, new_root in ((EMPTY_ROOT, ROOT), (ROOT, EMPTY_ROOT), (ROOT, ROOT)):
        with pytest.raises(ConsistencyError):
            check_consistency(0, 0, old_root, new_root)


def test_between_equal_sizes_only_equal_roots() -> None:
    assert prove_consistency(READER, SIZE, SIZE) == ()
    check_consistency(7, 7, ROOT, ROOT)
    with pytest.raises(ConsistencyError, match="has to be empty"):
        check_consistency(7, 7, ROOT, ROOT, [ROOT])
    with pytest.raises(ConsistencyError, match="differ"):
        check_consistency(7, 7, ROOT, EMPTY_ROOT)


def test_refusals_of_consistency_say_why() -> None:
    old_root = root_of_leaves(LEAVES[:6])
    proof = prove_consistency(READER, TreeSize(6), SIZE)
    check_consistency(6, 7, old_root, ROOT, proof)
    with pytest.raises(ConsistencyError, match="another old root") as caught:
        check_consistency(6, 7, ROOT, ROOT, proof)
    assert (caught.value.old_size, caught.value.new_size) == (6, 7)
    with pytest.raises(ConsistencyError, match="another new root"):
        check_consistency(6, 7, old_root, old_root, proof)
    with pytest.raises(ConsistencyError, match="proof is empty"):
        check_consistency(6, 7, old_root, ROOT, ())
    with pytest.raises(ConsistencyError, match="fewer hashes"):
        check_consistency(6, 7, old_root, ROOT, proof[:-1])
    with pytest.raises(ConsistencyError, match="more hashes"):
        check_consistency(6, 7, old_root, ROOT, (*proof, proof[0]))
    with pytest.raises(ConsistencyError, match="fewer hashes"):
        check_consistency(4, 7, root_of_leaves(LEAVES[:4]), ROOT, ())


def test_tlog_proof_verifies() -> None:
    checkpoint = verify_tlog_proof(PROOF, leaf=LEAVES[2], key=SIGNER.verifier_key, origin="log.example")
    assert checkpoint == Checkpoint("log.example", SIZE, ROOT)
    with pytest.raises(InclusionError):
        verify_tlog_proof(PROOF, leaf=LEAVES[3], key=SIGNER.verifier_key, origin="log.example")
    with pytest.raises(OriginMismatchError):
        verify_tlog_proof(PROOF, leaf=LEAVES[2], key=SIGNER.verifier_key, origin="other.example")
    stranger = NoteSigner.from_seed("log.example", b"\x02" * 32).verifier_key
    with pytest.raises(SignatureError):
        verify_tlog_proof(PROOF, leaf=LEAVES[2], key=stranger, origin="log.example")


@pytest.mark.parametrize("extra", [None, b"", b"\0", b"opaque data"])
def test_tlog_proof_travels(extra: bytes | None) -> None:
    proof = replace(PROOF, extra=extra)
    data = encode_tlog_proof(proof)
    assert parse_tlog_proof(data) == proof
    assert data.endswith(b"\n\n" + NOTE)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"c2sp.org/tlog-proof@v1\n",
        b"c2sp.org/tlog-proof@v1\n\n" + NOTE,
        ENCODED.replace(b"@v1", b"@v2"),
        b"\n" + ENCODED,
        b" " + ENCODED,
        ENCODED.replace(b"\n\n", b"\n"),
        ENCODED.partition(b"\n\n")[0] + b"\n\n",
        ENCODED.replace(b"index 2", b"index 02"),
        ENCODED.replace(b"index 2", b"index -2"),
        ENCODED.replace(b"index 2", b"index +2"),
        ENCODED.replace(b"index 2", b"index  2"),
        ENCODED.replace(b"index 2", b"index 2 "),
        ENCODED.replace(b"index 2", b"index 9223372036854775807"),
        ENCODED.replace(b"index 2", b"index 99999999999999999999"),
        ENCODED.replace(b"index 2", b"Index 2"),
        ENCODED.replace(b"index 2\n", b""),
        ENCODED.replace(b"index 2\n", b"extra AA==\n"),
        ENCODED.replace(b"index 2\n", b"index 2\nextra AA==\n"),
        ENCODED.replace(b"index 2\n", b"extra AA==\nextra AA==\nindex 2\n"),
        ENCODED.replace(b"index 2\n", b"extra AB==\nindex 2\n"),
        ENCODED.replace(b"index 2\n", b"extra\nindex 2\n"),
        ENCODED.replace(b"index 2\n", b"index 2\nAAAA\n"),
        ENCODED.replace(b"index 2\n", b"index 2\n" + b"A" * 43 + b"=\n" * 1 + b"A\n"),
        ENCODED.replace(b"index 2\n", b"index 2\n" + (b"A" * 43 + b"=\n") * 61),
        ENCODED.replace(b"index 2", b"index 2\r"),
        ENCODED.replace(b"index 2", b"index \xd9\xa2"),
        ENCODED.replace(b"index 2", b"\xffindex 2"),
        ENCODED + b"x" * MAX_PROOF_BYTES,
    ],
)
def test_what_is_no_tlog_proof_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedProofError):
        parse_tlog_proof(data)


@pytest.mark.parametrize(
    ("index", "path", "checkpoint"),
    [(-1, (), NOTE), (MAX_TREE_SIZE, (), NOTE), (0, (b"\0" * 31,), NOTE), (0, (b"\0" * 32,) * 64, NOTE), (0, (), b"")],
)
def test_proofs_that_have_no_file(index: int, path: tuple[bytes, ...], checkpoint: bytes) -> None:
    with pytest.raises(MalformedProofError):
        TlogProof(LeafIndex(index), tuple(NodeHash(each) for each in path), checkpoint)


@pytest.mark.parametrize("index", [0, MAX_TREE_SIZE - 1])
def test_proofs_at_the_bounds_travel(index: int) -> None:
    path = tuple(NodeHash(bytes([at]) * 32) for at in range(63))
    proof = TlogProof(LeafIndex(index), path, NOTE)
    assert parse_tlog_proof(encode_tlog_proof(proof)) == proof


class Uniform:
    """The largest tree there is, all of whose nodes have one hash: no real tree, but one of the right shape."""

    def read_hashes(self, coordinates: Sequence[tuple[int, int]]) -> list[NodeHash]:
        assert all((index + 1) << level <= MAX_TREE_SIZE for level, index in coordinates)
        return [NodeHash(b"\x55" * 32)] * len(coordinates)


def test_the_largest_tree_has_proofs_of_the_right_length() -> None:
    size, leaf = MAX_TREE_SIZE, b"\x55" * 32
    assert len(root_at(Uniform(), size)) == 32
    for index in (0, 1, 2**62, size - 1):
        proof = prove_inclusion(Uniform(), LeafIndex(index), size)
        assert len(proof) <= 63
        with pytest.raises(InclusionError, match="another root"):
            check_inclusion(index, size, leaf, proof)
    for old in (1, 2**62, 2**62 + 1, size - 1):
        proof = prove_consistency(Uniform(), TreeSize(old), size)
        assert len(proof) <= 64
        with pytest.raises(ConsistencyError, match=r"another (old|new) root"):
            check_consistency(old, size, leaf, leaf, proof)
