from __future__ import annotations

from hashlib import sha256

import pytest

from ledger.hashing import (
    EMPTY_ROOT,
    LeafHash,
    hash_children,
    hash_leaf,
    hash_leaves,
    hash_level,
    hash_subtree,
    root_of_leaves,
)

# The first eight inputs of Certificate Transparency's reference tree and its roots (RFC 6962 implementations share them).
ENTRIES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
ENTRIES.append(bytes(range(0x60, 0x70)))
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def test_leaves_and_nodes_are_hashed_apart() -> None:
    assert hash_leaf(b"entry") == sha256(b"\x00entry").digest()
    assert hash_children(b"l" * 32, b"r" * 32) == sha256(b"\x01" + b"l" * 32 + b"r" * 32).digest()
    assert hash_leaves([b"a", b"b"]) == [hash_leaf(b"a"), hash_leaf(b"b")]


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert sha256(b"").digest() == EMPTY_ROOT == root_of_leaves([])


@pytest.mark.parametrize(("size", "root"), list(enumerate(ROOTS, 1)))
def test_reference_roots(size: int, root: str) -> None:
    assert root_of_leaves(hash_leaves(ENTRIES[:size])).hex() == root


def test_a_level_is_hashed_pair_by_pair() -> None:
    hashes = [LeafHash(bytes([at]) * 32) for at in range(4)]
    left, right = hash_children(*hashes[:2]), hash_children(*hashes[2:])
    assert hash_level(b"".join(hashes)) == left + right
    assert hash_subtree(b"".join(hashes)) == hash_children(left, right)
    assert bytes(hash_subtree(hashes[0])) == hashes[0]
