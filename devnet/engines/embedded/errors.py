"""Answers of the JSON-RPC server that are errors, with the codes of JSON-RPC 2.0 and the words of geth.

```
RpcError
├── ParseError (-32700), InvalidRequestError (-32600), MethodNotFoundError (-32601), InvalidParamsError (-32602)
├── LimitError (-32005)             more results than one answer may hold
├── InternalError (-32603)          a defect here; the log has the traceback
├── ServerError (-32000)            what geth answers with its catch-all code: unknown block, stopping, and
│   └── TransactionRefusedError     nonce too low, already known, insufficient funds, …
└── ExecutionRevertedError (3)      with the revert data
```
"""

from __future__ import annotations


class RpcError(Exception):
    """An error answer.

    Attributes:
        code: JSON-RPC error code.
        message: What clients match on and people read.
        data: Revert data as 0x-prefixed hex, or None.
    """

    code = -32000

    def __init__(self, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.data = data


class ParseError(RpcError):
    """The body is not JSON."""

    code = -32700


class InvalidRequestError(RpcError):
    """JSON, and not a JSON-RPC 2.0 request."""

    code = -32600


class MethodNotFoundError(RpcError):
    """No such method here."""

    code = -32601


class InvalidParamsError(RpcError):
    """A parameter is missing or is not what the method takes."""

    code = -32602


class LimitError(RpcError):
    """The answer would hold more than one answer may."""

    code = -32005


class InternalError(RpcError):
    """A defect of the server."""

    code = -32603


class ServerError(RpcError):
    """The request is well formed and cannot be served."""


class TransactionRefusedError(ServerError):
    """The transaction cannot enter the chain as it is."""


class ExecutionRevertedError(RpcError):
    """The contract refused; `data` holds what it returned."""

    code = 3
