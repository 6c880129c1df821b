"""The rules of the chain: Prague, no proof of anything, gas for free.

Three things differ from mainnet, all of them allowed to a private chain and none of them visible to a contract's logic:
- the base fee is 0 in every block, whatever the blocks before it used (Besu calls it `zeroBaseFee`), so that a sender without
  balance may always write;
- a block's timestamp is the wall clock in seconds, and never below its parent's. It may equal its parent's, as in Clique with
  period 0: mining at once makes many blocks a second, and a strictly growing second would run ahead of the clock;
- the system contracts of EIP-4788, 2935, 7002 and 7251 are not deployed: there is no beacon chain.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from eth.chains.base import MiningChain
from eth.consensus.noproof import NoProofConsensus
from eth.constants import GENESIS_BLOCK_NUMBER
from eth.db.atomic import AtomicDB
from eth.db.chain import ChainDB
from eth.vm.chain_context import ChainContext
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.blocks import PragueBlockHeader
from eth_typing import Address

from devnet.engines.protocol import FUNDED_BALANCE_WEI

GAS_LIMIT = 30_000_000
"""Gas limit of every block."""
COINBASE = Address(b"\x00" * 20)
"""Nobody is paid."""


class EmbeddedVM(PragueVM):
    """Prague without proof of work, stake or authority."""

    consensus_class = NoProofConsensus


VM_CONFIGURATION = ((GENESIS_BLOCK_NUMBER, EmbeddedVM),)


def build_genesis(database: AtomicDB, chain_id: int, timestamp_s: int, funded: Iterable[bytes]) -> PragueBlockHeader:
    """Write the state of block 0 into `database` and return its header.

    Args:
        database: Takes the state's nodes.
        chain_id: EIP-155 chain id.
        timestamp_s: Time of block 0, unix seconds.
        funded: Addresses that own `FUNDED_BALANCE_WEI`, 20 bytes each.
    """
    chain_class = MiningChain.configure("EmbeddedChain", vm_configuration=VM_CONFIGURATION, chain_id=chain_id)
    # 16 random bytes: two chains made in the same second must differ, or a node would take one for the other.
    parameters = {
        "difficulty": 0,
        "gas_limit": GAS_LIMIT,
        "timestamp": timestamp_s,
        "coinbase": COINBASE,
        "extra_data": b"concord" + secrets.token_bytes(16),
        "base_fee_per_gas": 0,
    }
    accounts = {
        Address(address): {"balance": FUNDED_BALANCE_WEI, "nonce": 0, "code": b"", "storage": {}} for address in funded
    }
    chain = chain_class.from_genesis(database, parameters, accounts)
    return chain.get_canonical_head()


def next_header(parent: PragueBlockHeader, now_s: int, branch: int) -> PragueBlockHeader:
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
    return header.copy(base_fee_per_gas=0)


def open_vm(database: AtomicDB, header: PragueBlockHeader, chain_id: int) -> EmbeddedVM:
    """Make the machine that fills the block whose header this is."""
    context = ChainContext(chain_id)
    return EmbeddedVM(
        header=header, chaindb=ChainDB(database), chain_context=context, consensus_context=NoProofConsensus(database)
    )
