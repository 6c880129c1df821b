"""The rules of the chain: Prague, no proof of anything, gas for free.

What differs from mainnet is what a private chain may choose, and none of it is visible to a contract's logic:
- the base fee is 0 in every block, whatever the blocks before it used (Besu calls it `zeroBaseFee`), so that a sender without
  balance may always write;
- a block's timestamp is the wall clock in seconds, and never below its parent's. It may equal its parent's, as in Clique with
  period 0: mining at once makes many blocks a second, and a strictly growing second would run ahead of the clock;
- the system contracts of EIP-4788, 2935, 7002 and 7251 are not deployed: there is no beacon chain.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable

import rlp
from eth.abc import BlockHeaderAPI, SignedTransactionAPI
from eth.consensus.context import ConsensusContext
from eth.consensus.noproof import NoProofConsensus
from eth.db.account import AccountDB
from eth.db.atomic import AtomicDB
from eth.db.chain import ChainDB
from eth.vm.chain_context import ChainContext
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.state import PragueState, PragueTransactionExecutor
from eth.vm.header import HeaderSedes
from eth_typing import Address, Hash32

from devnet.engines.protocol import FUNDED_BALANCE_WEI

GAS_LIMIT = 30_000_000
"""Gas limit of every block."""
COINBASE = Address(b"\x00" * 20)
"""Nobody is paid."""


class EmbeddedExecutor(PragueTransactionExecutor):
    """Runs transactions whose form and signature admission has checked."""

    def validate_transaction(self, transaction: SignedTransactionAPI) -> None:
        """Check nonce and balance; py-evm would recover and verify the signature once more, which costs more than the rest."""
        self.vm_state.validate_transaction(transaction)


class EmbeddedState(PragueState):
    """Prague's state transition."""

    transaction_executor_class = EmbeddedExecutor


class EmbeddedVM(PragueVM):
    """Prague without proof of work, stake or authority."""

    consensus_class = NoProofConsensus
    _state_class = EmbeddedState


def build_genesis(database: AtomicDB, timestamp_s: int, funded: Iterable[bytes]) -> BlockHeaderAPI:
    """Write the state of block 0 into `database` and return its header.

    Args:
        database: Takes the state's nodes.
        timestamp_s: Time of block 0, unix seconds.
        funded: Addresses that own `FUNDED_BALANCE_WEI`, 20 bytes each.
    """
    accounts = AccountDB(database)
    for address in funded:
        accounts.set_balance(Address(address), FUNDED_BALANCE_WEI)
    accounts.persist()
    return EmbeddedVM.create_genesis_header(
        difficulty=0,
        gas_limit=GAS_LIMIT,
        timestamp=timestamp_s,
        coinbase=COINBASE,
        # Random: two chains made in the same second must differ, or a node would take one for the other.
        extra_data=b"concord" + secrets.token_bytes(16),
        base_fee_per_gas=0,
        state_root=accounts.state_root,
    )


def next_header(parent: BlockHeaderAPI, now_s: int, branch: int) -> BlockHeaderAPI:
    """Make the header of the block after `parent`, with nothing in it yet.

    Args:
        parent: The block before.
        now_s: The wall clock, unix seconds.
        branch: How often blocks were dropped from this chain; part of the header, so that a block on a new branch never has
            the hash of the dropped one.
    """
    header = EmbeddedVM.create_header_from_parent(
        parent,
        gas_limit=GAS_LIMIT,
        timestamp=max(now_s, parent.timestamp),
        coinbase=COINBASE,
        extra_data=b"concord" + branch.to_bytes(4, "big"),
    )
    # EIP-1559 lifts a base fee of 0 to 1 after a block that is more than half full.
    zero_fee: BlockHeaderAPI = header.copy(base_fee_per_gas=0)
    return zero_fee


def open_vm(database: AtomicDB, header: BlockHeaderAPI, chain_id: int) -> EmbeddedVM:
    """Make the machine whose state is `header`'s and whose block context is `header`."""
    return EmbeddedVM(
        header=header,
        chaindb=ChainDB(database),
        chain_context=ChainContext(chain_id),
        consensus_context=ConsensusContext(database),
    )


def encode_header(header: BlockHeaderAPI) -> bytes:
    """Encode a header; its keccak-256 is the block's hash."""
    return bytes(rlp.encode(header))


def decode_header(encoded: bytes) -> BlockHeaderAPI:
    """Decode a header that this chain stored."""
    header: BlockHeaderAPI = rlp.decode(encoded, sedes=HeaderSedes)
    return header


def block_hash(header: BlockHeaderAPI) -> bytes:
    """Return the block's hash, 32 bytes."""
    return bytes(Hash32(header.hash))
