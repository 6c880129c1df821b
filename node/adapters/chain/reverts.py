"""What a contract said when it refused: from the answers of different nodes to the contracts' named reverts.

Contracts refuse with `Error(string)` whose string is the name (`contracts.errors`). Nodes pass it on as `data` of a
JSON-RPC error, in its message, or in both; what has neither keeps its message.
"""

from __future__ import annotations

from typing import Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from web3.exceptions import ContractLogicError

from contracts.errors import revert_error
from node.errors import TransactionRevertedError

ERROR_SELECTOR: Final = bytes.fromhex("08c379a0")
PREFIX: Final = "execution reverted"


def revert_name(error: ContractLogicError) -> str:
    """Return the name that a contract gave; an empty string when there is none."""
    if isinstance(error.data, str) and error.data.startswith("0x"):
        try:
            data = bytes.fromhex(error.data[2:])
            if data[:4] == ERROR_SELECTOR:
                return str(decode(["string"], data[4:])[0])
        except (ValueError, DecodingError, OverflowError):
            pass  # a node that garbles the data may still have a message
    return (error.message or "").removeprefix(PREFIX).removeprefix(": ").strip()


def reverted(error: ContractLogicError) -> TransactionRevertedError:
    """Turn web3's error into one that names the revert; its cause is the contracts' own error of that name."""
    name = revert_name(error)
    result = TransactionRevertedError(name or "no reason")
    result.__cause__ = revert_error(name)
    return result
