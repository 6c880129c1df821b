"""JSON-RPC 2.0 over bytes: a request or a batch in, the answer out. Nothing that comes in can raise.

Transactions that follow each other in a batch are submitted together and so share a block; all else in it runs in order.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import msgspec

from devnet.engines.embedded.errors import (
    InternalError,
    InvalidRequestError,
    MethodNotFoundError,
    ParseError,
    RpcError,
)
from devnet.engines.embedded.methods import Methods
from devnet.engines.embedded.params import Params

LOGGER = logging.getLogger(__name__)
MAX_BATCH = 1000
"""Most requests of one batch."""
SEND = "eth_sendRawTransaction"


@dataclass(frozen=True, slots=True)
class Request:
    """A well-formed request."""

    method: str
    """Its name."""
    params: Params
    """By position."""
    id: str | float | None
    """Repeated in the answer."""
    notification: bool
    """Without an id: executed, and not answered."""


class Dispatcher:
    """Answers bodies from one chain's methods; safe to call from any thread."""

    def __init__(self, methods: Methods) -> None:
        self._methods = methods

    def answer(self, body: bytes) -> bytes:
        """Answer a body; empty for one that holds notifications only."""
        try:
            answered = self._answer_decoded(_decode(body))
        except RpcError as error:
            answered = _error(None, error)
        if answered is None:
            return b""
        try:
            return msgspec.json.encode(answered)
        except (UnicodeEncodeError, ValueError, OverflowError):
            # An id that can be read and cannot be written, such as half a surrogate pair.
            return msgspec.json.encode(_error(None, InvalidRequestError("invalid request: the id cannot be repeated")))

    def _answer_decoded(self, decoded: object) -> object:
        if not isinstance(decoded, list):
            return next(iter(self._answer_all([decoded])), None)
        if not decoded:
            raise InvalidRequestError("empty batch")
        if len(decoded) > MAX_BATCH:
            raise InvalidRequestError(f"batch too large: more than {MAX_BATCH} requests")
        return self._answer_all(decoded) or None

    def _answer_all(self, decoded: Sequence[object]) -> list[object]:
        parsed = [_parse(item) for item in decoded]
        answers: list[object] = []
        for sends, group in groupby(parsed, key=lambda item: isinstance(item, Request) and item.method == SEND):
            items = list(group)
            results = self._send(items) if sends else [self._call(item) for item in items]
            for item, result in zip(items, results, strict=True):
                if isinstance(item, RpcError):
                    answers.append(_error(None, item))
                elif not item.notification:
                    answers.append(_error(item.id, result) if isinstance(result, RpcError) else _result(item.id, result))
        return answers

    def _call(self, item: Request | RpcError) -> object:
        if isinstance(item, RpcError):
            return item
        try:
            method = self._methods.find(item.method)
            if method is None:
                raise MethodNotFoundError(f"the method {item.method} does not exist/is not available")  # noqa: TRY301 - one place answers
            return method(item.params)
        except RpcError as error:
            return error
        except Exception as error:
            LOGGER.exception("method %s failed", item.method)
            return InternalError(f"internal error: {type(error).__name__}")

    def _send(self, items: Sequence[Request | RpcError]) -> list[object]:
        results: list[object] = [None] * len(items)
        raws: dict[int, bytes] = {}
        for position, item in enumerate(items):
            if isinstance(item, Request):
                try:
                    item.params.expect_at_most(1)
                    raws[position] = item.params.data(0)
                except RpcError as error:
                    results[position] = error
        try:
            outcomes: Sequence[object] = self._methods.send(list(raws.values()))
        except RpcError as error:
            outcomes = [error] * len(raws)
        except Exception as error:
            LOGGER.exception("transactions could not be submitted")
            outcomes = [InternalError(f"internal error: {type(error).__name__}")] * len(raws)
        for position, outcome in zip(raws, outcomes, strict=True):
            results[position] = outcome
        return results


def _decode(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ParseError(f"parse error: {error}") from error


def _parse(item: object) -> Request | RpcError:
    if not isinstance(item, dict):
        return InvalidRequestError("invalid request: not an object")
    method, params, identifier = item.get("method"), item.get("params"), item.get("id")
    if item.get("jsonrpc") != "2.0":
        return InvalidRequestError('invalid request: "jsonrpc" must be "2.0"')
    if not isinstance(method, str):
        return InvalidRequestError("invalid request: no method")
    if isinstance(identifier, bool) or not isinstance(identifier, str | int | float | None):
        return InvalidRequestError("invalid request: the id is neither a string nor a number")
    if params is not None and not isinstance(params, list):
        return InvalidRequestError("invalid request: params must be an array")
    return Request(method, Params(params or []), identifier, notification="id" not in item)


def _result(identifier: str | float | None, result: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": identifier, "result": result}


def _error(identifier: str | float | None, error: RpcError) -> dict[str, object]:
    body: dict[str, object] = {"code": error.code, "message": error.message}
    if error.data is not None:
        body["data"] = error.data
    return {"jsonrpc": "2.0", "id": identifier, "error": body}
