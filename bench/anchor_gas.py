"""Gas of an anchor from 10^3 to 10^7 entries: `python -m bench.anchor_gas [--json FILE] [--entries N] [--anchors N]`.

Method: one log of distinct leaves (the hash of their index), grown to each decade and from there by random steps of 1 to
1,000 entries (fewer at 10^3). Each head is anchored by a signed transaction with the committed bytecode, in a block of
its own, under London rules, with the consistency proof that `ledger.proofs` builds. Execution gas is the receipt's gas
less the intrinsic gas. "listed" repeats the same anchors with an access list (EIP-2930). No leaf is kept: the roots of
full subtrees of 2^10 leaves are, and what lies below is hashed again when a proof needs it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey

from contracts.gas import Gas, MeasuredChain
from contracts.slots import anchor_access_list
from contracts.terms import KeyKind, Role
from ledger.hashing import NodeCoordinate, NodeHash, TreeSize, hash_leaves, hash_level
from ledger.proofs import prove_consistency, root_at

BLOCK_LEVEL = 10
BLOCK_LEAVES = 1 << BLOCK_LEVEL
HASH_BYTES = 32
LARGEST_STEP = 1_000


class SparseTree:
    """A tree whose leaf i is the hash of i, kept as the roots of its full blocks of 2^10 leaves and what is above."""

    def __init__(self) -> None:
        self.levels: list[bytearray] = [bytearray()]
        self.cached: tuple[int, list[bytes]] = (-1, [])

    def grow(self, size: int) -> None:
        """Hash the blocks that a tree of this size has full."""
        for block in range(len(self.levels[0]) // HASH_BYTES, size // BLOCK_LEAVES):
            self.levels[0] += self.block(block)[-1]
        for upper in range(1, 40):
            below = self.levels[upper - 1]
            if len(below) < 2 * HASH_BYTES:
                return
            if upper == len(self.levels):
                self.levels.append(bytearray())
            done = len(self.levels[upper])
            full = len(below) // (2 * HASH_BYTES) * (2 * HASH_BYTES)
            self.levels[upper] += hash_level(bytes(below[2 * done : full]))

    def block(self, number: int) -> list[bytes]:
        """Hash the leaves of a block, then level by level up to its root."""
        if self.cached[0] != number:
            first = number * BLOCK_LEAVES
            row = b"".join(hash_leaves(index.to_bytes(8, "big") for index in range(first, first + BLOCK_LEAVES)))
            rows = [row]
            while len(rows[-1]) > HASH_BYTES:
                rows.append(hash_level(rows[-1]))
            self.cached = (number, rows)
        return self.cached[1]

    def read_hashes(self, coordinates: Sequence[NodeCoordinate]) -> list[NodeHash]:
        """Return the hashes of full subtrees, as `ledger.hashing.HashReader` asks."""
        return [NodeHash(self.node(level, index)) for level, index in coordinates]

    def node(self, level: int, index: int) -> bytes:
        """Return one node, hashing its block again where it lies inside one."""
        if level >= BLOCK_LEVEL:
            return bytes(self.levels[level - BLOCK_LEVEL][index * HASH_BYTES : (index + 1) * HASH_BYTES])
        in_block = BLOCK_LEVEL - level
        row = self.block(index >> in_block)[level]
        position = index & ((1 << in_block) - 1)
        return row[position * HASH_BYTES : (position + 1) * HASH_BYTES]


class AnchoredLog:
    """A chain with one institution, one origin, and what the last accepted size is."""

    def __init__(self, *, listed: bool) -> None:
        self.size = 0
        founder, self.anchor_key = (PrivateKey(keccak(name)) for name in (b"founder", b"anchor"))
        self.chain = MeasuredChain([founder, self.anchor_key])
        institution = ("alpha", int(Role.HOSPITAL), founder.public_key.to_canonical_address())
        types = ["(string,uint256,address)[]", "uint256"]
        consortium, _ = self.chain.deploy(founder, "consortium", types, [[institution], 1])
        self.anchors, _ = self.chain.deploy(founder, "log_anchors", ["address"], [consortium])
        key = bytes(12) + self.anchor_key.public_key.to_canonical_address()
        self.chain.call(founder, consortium, "register_key(uint256,bytes32,uint256)", (KeyKind.ANCHOR, key, 0))
        origin = (keccak(b"alpha"), "log.alpha.example", "https://log.alpha.example")
        self.chain.call(founder, consortium, "propose_add_origin(bytes32,string,string)", origin)
        self.access_list = anchor_access_list(consortium, 0) if listed else []

    def anchor(self, size: int, root: bytes, proof: Sequence[bytes]) -> Gas:
        """Anchor a head; return what it cost."""
        values = (keccak(b"log.alpha.example"), size, root, proof)
        self.size = size
        signature = "anchor(bytes32,uint64,bytes32,bytes32[])"
        return self.chain.call(self.anchor_key, self.anchors, signature, values, self.access_list)


def measure_decade(tree: SparseTree, logs: Sequence[AnchoredLog], entries: int, anchors: int) -> dict[str, Any]:
    """Grow to a decade, then measure so many anchors from there."""
    random = Random(entries)  # noqa: S311 - a workload, no secret
    plain: list[Gas] = []
    listed: list[Gas] = []
    hashes: list[int] = []
    size = entries
    for number in range(anchors + 1):
        tree.grow(size)
        old_size = TreeSize(logs[0].size)
        root = root_at(tree, TreeSize(size))
        proof = prove_consistency(tree, old_size, TreeSize(size)) if old_size else ()
        gas = [log.anchor(size, root, proof) for log in logs]
        # the step up to the decade is set-up
        if number:
            plain.append(gas[0])
            listed.append(gas[1])
            hashes.append(len(proof))
        # short of the next decade
        size += random.randint(1, min(LARGEST_STEP, 9 * entries // (anchors + 1)))
    return {
        "entries": entries,
        "anchors": anchors,
        "proof_hashes_mean": round(fmean(hashes), 1),
        "proof_hashes_max": max(hashes),
        "execution": summary([gas.execution for gas in plain]),
        "transaction": summary([gas.transaction for gas in plain]),
        "listed_execution": summary([gas.execution for gas in listed]),
        "listed_transaction": summary([gas.transaction for gas in listed]),
    }


def summary(values: Sequence[int]) -> dict[str, int]:
    """Return the smallest, mean and largest."""
    return {"min": min(values), "mean": round(fmean(values)), "max": max(values)}


def main() -> int:
    """Run the bench and print its table."""
    parser = argparse.ArgumentParser(prog="python -m bench.anchor_gas")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--entries", type=int, default=10**7, help="largest log")
    parser.add_argument("--anchors", type=int, default=100, help="anchors measured at each size")
    arguments = parser.parse_args()
    started = time.perf_counter()
    tree = SparseTree()
    logs = [AnchoredLog(listed=False), AnchoredLog(listed=True)]
    rows = []
    print(
        "| entries | proof hashes mean / max | execution mean / max | transaction mean / max | listed: execution |"
        " listed: transaction |"
    )
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    entries = 1_000
    while entries <= arguments.entries:
        row = measure_decade(tree, logs, entries, arguments.anchors)
        rows.append(row)
        cells = [
            f"{row[part]['mean']:,} / {row[part]['max']:,}"
            for part in ("execution", "transaction", "listed_execution", "listed_transaction")
        ]
        hashes = f"{row['proof_hashes_mean']} / {row['proof_hashes_max']}"
        print(f"| {entries:,} | {hashes} | {' | '.join(cells)} |", flush=True)
        entries *= 10
    print(f"\n{arguments.anchors} anchors a row, {time.perf_counter() - started:.0f} s")
    if arguments.json:
        arguments.json.write_text(json.dumps({"bench": "anchor_gas", "rows": rows}, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
