"""A chain in memory for the faults that no engine shows on demand: dropped transactions, reorgs of any depth, lost answers.

It is an `AnchorGateway`: blocks with their whole state, a pool, and the rules of `log_anchors`, proofs included.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

from eth_abi.abi import decode

from ledger.errors import ConsistencyError
from ledger.hashing import NodeHash, RootHash, TreeSize
from ledger.proofs import verify_consistency
from node.adapters.chain.gateway import encode_anchor, origin_id
from node.adapters.chain.settlement import ContractHead, Receipt
from node.adapters.chain.signers import AccessList, SignedTransaction, UnsignedCall
from node.domain.entry import Origin
from node.errors import ChainAwayError, ChainRefusedError, TransactionRevertedError, WrongChainError
from node.ports.chain.anchoring import ChainHead

CHAIN_ID = 7
FEE_WEI = 5


class PlainSigner:
    """Signs by writing everything down; as deterministic as a real signer and far faster."""

    def __init__(self, address: bytes) -> None:
        self._address = address

    @property
    def address(self) -> bytes:
        return self._address

    def sign(self, call: UnsignedCall) -> SignedTransaction:
        assert call.chain_id == CHAIN_ID
        raw = self._address + call.nonce.to_bytes(8, "big") + call.gas_price_wei.to_bytes(8, "big") + call.data
        return SignedTransaction(raw, sha256(raw).digest())


@dataclass(frozen=True)
class Pooled:
    raw: bytes

    @property
    def sender(self) -> bytes:
        return self.raw[:20]

    @property
    def nonce(self) -> int:
        return int.from_bytes(self.raw[20:28], "big")

    @property
    def price(self) -> int:
        return int.from_bytes(self.raw[28:36], "big")

    @property
    def data(self) -> bytes:
        return self.raw[36:]

    @property
    def tx_hash(self) -> bytes:
        return sha256(self.raw).digest()


@dataclass
class Block:
    head: ChainHead
    heads: dict[bytes, ContractHead] = field(default_factory=dict)
    counts: dict[bytes, int] = field(default_factory=dict)
    receipts: dict[bytes, tuple[Receipt, str]] = field(default_factory=dict)
    transactions: list[Pooled] = field(default_factory=list)


class SimulatedChain:
    """The chain and its one node."""

    def __init__(self, depth: int = 0) -> None:
        self.depth = depth
        self.blocks = [Block(ChainHead(0, sha256(b"genesis").digest(), 0))]
        self.pool: dict[tuple[bytes, int], Pooled] = {}
        self.sent: list[bytes] = []
        """Every transaction that arrived, in order."""
        self.is_away = False
        self.loses_answers = False
        self.refusal_of_all: str | None = None
        self.is_wrong = False
        self.balance = 10**18
        self.calls = 0
        self._made = 0

    # what the test does to it

    def mine(self, *, empty: bool = False) -> Block:
        """Make a block of all that can be executed, or an empty one."""
        self._made += 1
        above = self.blocks[-1]
        number = above.head.number + 1
        head = ChainHead(number, sha256(b"%d %d" % (number, self._made)).digest(), 1000 + number)
        block = Block(head, dict(above.heads), dict(above.counts), dict(above.receipts))
        while not empty and (ready := self._ready(block)):
            for each in ready:
                self._execute(block, each)
        self.blocks.append(block)
        return block

    def reorganise(self, dropped: int, *, keeps_transactions: bool) -> None:
        """Replace the last blocks by one empty one more."""
        lost = self.blocks[-dropped:]
        del self.blocks[-dropped:]
        for block in lost:
            for each in block.transactions:
                if keeps_transactions:
                    self.pool.setdefault((each.sender, each.nonce), each)
        for _ in range(dropped + 1):
            self.mine(empty=True)

    def drop_pool(self) -> None:
        self.pool.clear()

    def anchor_from_elsewhere(self, sender: PlainSigner, origin: Origin, size: int, root: RootHash, *proof: NodeHash) -> None:
        """Anchor with another key, or with a node's own key used outside it; for the next block."""
        data = encode_anchor(origin, TreeSize(size), root, proof)
        call = UnsignedCall(CHAIN_ID, self._count(sender.address), self.contract, data, 0, FEE_WEI)
        signed = Pooled(sender.sign(call).raw)
        self.pool[signed.sender, signed.nonce] = signed

    def anchored(self, origin: Origin) -> tuple[int, bytes] | None:
        head = self.blocks[-1].heads.get(origin_id(origin))
        return None if head is None else (head.size, head.root)

    def _count(self, account: bytes) -> int:
        return self.blocks[-1].counts.get(account, 0)

    def _ready(self, block: Block) -> list[Pooled]:
        return [each for each in self.pool.values() if each.nonce == block.counts.get(each.sender, 0)]

    def _execute(self, block: Block, transaction: Pooled) -> None:
        del self.pool[transaction.sender, transaction.nonce]
        block.counts[transaction.sender] = transaction.nonce + 1
        block.transactions.append(transaction)
        reason = self._apply(block.heads, transaction.data, block.head)
        block.receipts[transaction.tx_hash] = (Receipt(block.head.number, has_succeeded=not reason), reason)

    @staticmethod
    def _apply(heads: dict[bytes, ContractHead], data: bytes, at: ChainHead) -> str:
        """Run the rules of `log_anchors`; return the revert's name, or nothing."""
        origin, size, root, proof = decode(["bytes32", "uint64", "bytes32", "bytes32[]"], data[4:])
        old = heads.get(origin)
        if old is not None:
            if size < old.size:
                return "Shrunk"
            if size == old.size:
                return "RepeatedHead" if root == old.root else "Fork"
            try:
                verify_consistency(
                    old_size=old.size, new_size=size, old_root=old.root, new_root=root, proof=[NodeHash(p) for p in proof]
                )
            except ConsistencyError:
                return "Fork"
        elif proof:
            return "Fork"
        heads[origin] = ContractHead(TreeSize(size), RootHash(root), at.number, at.timestamp_s)
        return ""

    # AnchorGateway

    @property
    def chain_id(self) -> int:
        return CHAIN_ID

    @property
    def contract(self) -> bytes:
        return b"log_anchors".rjust(20, b"\0")

    def _ask(self) -> None:
        self.calls += 1
        if self.is_away:
            raise ChainAwayError("memory", "the test says so")

    def identify(self) -> None:
        self._ask()
        if self.is_wrong:
            raise WrongChainError("genesis", "one", "another")

    def newest_block(self) -> ChainHead:
        self._ask()
        return self.blocks[-1].head

    def final_block(self, newest: ChainHead) -> ChainHead:
        self._ask()
        return self.blocks[max(0, newest.number - self.depth)].head

    def block_at(self, number: int) -> ChainHead:
        self._ask()
        return self.blocks[number].head

    def head_at(self, origin: Origin, block: ChainHead) -> ContractHead | None:
        self._ask()
        return self.blocks[block.number].heads.get(origin_id(origin))

    def count_at(self, account: bytes, block: ChainHead) -> int:
        self._ask()
        return self.blocks[block.number].counts.get(account, 0)

    def receipt(self, tx_hash: bytes) -> Receipt | None:
        self._ask()
        found = self.blocks[-1].receipts.get(tx_hash)
        return None if found is None else found[0]

    def is_known(self, tx_hash: bytes) -> bool:
        self._ask()
        return tx_hash in self.blocks[-1].receipts or any(each.tx_hash == tx_hash for each in self.pool.values())

    def check(self, sender: bytes, data: bytes, block: ChainHead) -> None:
        self._ask()
        assert len(sender) == 20
        reason = self._apply(dict(self.blocks[block.number].heads), data, block)
        if reason:
            raise TransactionRevertedError(reason)

    def refusal(self, tx_hash: bytes) -> str:
        self._ask()
        return self.blocks[-1].receipts[tx_hash][1]

    def access_list(self, origin: Origin) -> AccessList:
        del origin
        return ()

    def gas_price_wei(self) -> int:
        self._ask()
        return FEE_WEI

    def balance_wei(self, account: bytes) -> int:
        self._ask()
        assert len(account) == 20
        return self.balance

    def send(self, raw: bytes) -> None:
        self._ask()
        self.sent.append(raw)
        if self.refusal_of_all is not None:
            raise ChainRefusedError("eth_sendRawTransaction", self.refusal_of_all)
        transaction = Pooled(raw)
        if transaction.nonce < self._count(transaction.sender):
            raise ChainRefusedError("eth_sendRawTransaction", "nonce too low")
        there = self.pool.get((transaction.sender, transaction.nonce))
        if there is not None and there.raw == raw:
            raise ChainRefusedError("eth_sendRawTransaction", "already known")
        if there is not None and transaction.price * 10 < there.price * 11:
            raise ChainRefusedError("eth_sendRawTransaction", "replacement transaction underpriced")
        self.pool[transaction.sender, transaction.nonce] = transaction
        if self.loses_answers:
            raise ChainAwayError("memory", "the answer was lost")
