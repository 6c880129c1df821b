"""JSON-RPC parameters, parsed as strictly as geth does, with its words for what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from devnet.engines.embedded.errors import InvalidParamsError

HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
MAX_LOG_CHOICES = 1000
"""Addresses, or topics of one position, that one log query may name."""
MAX_TOPIC_POSITIONS = 4


class Tag(StrEnum):
    """Names of blocks. With one writer and immediate finality all but `earliest` are the head."""

    LATEST = "latest"
    PENDING = "pending"
    SAFE = "safe"
    FINALIZED = "finalized"
    EARLIEST = "earliest"


TAGS = {tag.value: tag for tag in Tag}
BlockReference = int | bytes | Tag
"""A height, a hash of 32 bytes, or a tag."""


@dataclass(frozen=True, slots=True)
class CallRequest:
    """What `eth_call` and `eth_estimateGas` execute."""

    sender: bytes
    """20 bytes; zeros if none was named."""
    to: bytes
    """20 bytes, or empty to create a contract."""
    gas: int | None
    """Gas limit, or None for the most there is."""
    gas_price_wei: int
    """What GASPRICE answers."""
    value_wei: int
    """Sent along."""
    data: bytes
    """Calldata or init code."""


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What `eth_getLogs` takes."""

    first: BlockReference
    """Lowest block, inclusive."""
    last: BlockReference
    """Highest block, inclusive."""
    block_hash: bytes | None
    """The only block, instead of a range."""
    addresses: tuple[bytes, ...]
    """Any of these; empty means any."""
    topics: tuple[tuple[bytes, ...], ...]
    """For each position any of these; empty means anything."""


class Params:
    """The parameters of one call, by position."""

    def __init__(self, values: Sequence[object]) -> None:
        self._values = values

    def expect_at_most(self, count: int) -> None:
        """Refuse parameters that the method does not take."""
        if len(self._values) > count:
            raise InvalidParamsError(f"too many arguments, want at most {count}")

    def optional(self, position: int) -> object:
        """Return a parameter as it came, or None."""
        return self._values[position] if position < len(self._values) else None

    def required(self, position: int) -> object:
        """Return a parameter that must be there."""
        value = self.optional(position)
        if value is None:
            raise InvalidParamsError(f"missing value for required argument {position}")
        return value

    def data(self, position: int) -> bytes:
        """Return bytes of any length."""
        return parse_data(self.required(position), f"argument {position}")

    def hash(self, position: int) -> bytes:
        """Return 32 bytes."""
        return parse_data(self.required(position), f"argument {position}", size=32)

    def address(self, position: int) -> bytes:
        """Return 20 bytes."""
        return parse_data(self.required(position), f"argument {position}", size=20)

    def quantity(self, position: int) -> int:
        """Return a number below 2^256."""
        return parse_quantity(self.required(position), f"argument {position}")

    def flag(self, position: int) -> bool:
        """Return a boolean; absent means false."""
        value = self.optional(position)
        if value is not None and not isinstance(value, bool):
            raise InvalidParamsError(f"invalid argument {position}: not a boolean")
        return bool(value)

    def block(self, position: int) -> BlockReference:
        """Return a block reference; absent means the latest."""
        value = self.optional(position)
        return Tag.LATEST if value is None else parse_block(value, f"argument {position}")

    def call(self, position: int) -> CallRequest:
        """Return what to execute."""
        return parse_call(parse_object(self.required(position), f"argument {position}"))

    def log_filter(self, position: int) -> LogFilter:
        """Return which logs to look for."""
        return parse_log_filter(parse_object(self.required(position), f"argument {position}"))


def parse_object(value: object, place: str) -> dict[str, object]:
    """Return a JSON object."""
    if not isinstance(value, dict):
        raise InvalidParamsError(f"invalid {place}: not an object")
    return cast("dict[str, object]", value)


def parse_data(value: object, place: str, *, size: int | None = None) -> bytes:
    """Return the bytes of 0x-prefixed hex; `size` bytes if it is given."""
    if not isinstance(value, str) or not value.startswith("0x"):
        raise InvalidParamsError(f"invalid {place}: hex string without 0x prefix")
    digits = value[2:]
    if len(digits) % 2:
        raise InvalidParamsError(f"invalid {place}: hex string of odd length")
    if not HEX_DIGITS.issuperset(digits):
        raise InvalidParamsError(f"invalid {place}: invalid hex string")
    data = bytes.fromhex(digits)
    if size is not None and len(data) != size:
        raise InvalidParamsError(f"invalid {place}: hex string has length {len(digits)}, want {2 * size}")
    return data


def parse_quantity(value: object, place: str) -> int:
    """Return a number below 2^256 of 0x-prefixed hex without leading zeros."""
    if not isinstance(value, str) or not value.startswith("0x"):
        raise InvalidParamsError(f"invalid {place}: hex string without 0x prefix")
    digits = value[2:]
    if not digits or not HEX_DIGITS.issuperset(digits):
        raise InvalidParamsError(f"invalid {place}: invalid hex number")
    if digits[0] == "0" and len(digits) > 1:
        raise InvalidParamsError(f"invalid {place}: hex number with leading zero digits")
    if len(digits) > 64:  # noqa: PLR2004 - 256 bits of hex
        raise InvalidParamsError(f"invalid {place}: hex number above 256 bits")
    return int(digits, 16)


def parse_block(value: object, place: str) -> BlockReference:
    """Return a tag, a height, or an object that names a height or a hash (EIP-1898)."""
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        if "blockHash" in fields and "blockNumber" in fields:
            raise InvalidParamsError(f"invalid {place}: cannot specify both blockHash and blockNumber, choose one")
        if "blockHash" in fields:
            return parse_data(fields["blockHash"], f"{place}: blockHash", size=32)
        return parse_block(fields.get("blockNumber"), f"{place}: blockNumber")
    if isinstance(value, str) and value in TAGS:
        return TAGS[value]
    if isinstance(value, str) and len(value) == 66:  # noqa: PLR2004 - 0x and 32 bytes: geth takes a bare hash too
        return parse_data(value, place, size=32)
    number = parse_quantity(value, place)
    if number >= 2**63:
        raise InvalidParamsError(f"invalid {place}: block number larger than int64")
    return number


def parse_call(fields: dict[str, object]) -> CallRequest:
    """Return what to execute.

    Raises:
        InvalidParamsError: a field is malformed, or asks for what is not served here.
    """
    for unserved in ("blobVersionedHashes", "authorizationList"):
        if fields.get(unserved):
            raise InvalidParamsError(f"invalid argument 0: {unserved} is not supported")
    data, given_input = (_bytes_or_none(fields, name) for name in ("data", "input"))
    if data is not None and given_input is not None and data != given_input:
        raise InvalidParamsError('both "data" and "input" are set and not equal. Please use "input" to pass transaction call data')
    price = next((fields[name] for name in ("gasPrice", "maxFeePerGas") if fields.get(name) is not None), "0x0")
    gas = fields.get("gas")
    return CallRequest(
        sender=_address_or_empty(fields, "from") or b"\x00" * 20,
        to=_address_or_empty(fields, "to"),
        gas=None if gas is None else parse_quantity(gas, "argument 0: gas"),
        gas_price_wei=parse_quantity(price, "argument 0: gasPrice"),
        value_wei=parse_quantity(fields.get("value") or "0x0", "argument 0: value"),
        data=given_input if given_input is not None else data or b"",
    )


def parse_log_filter(fields: dict[str, object]) -> LogFilter:
    """Return which logs to look for."""
    block_hash = fields.get("blockHash")
    if block_hash is not None and (fields.get("fromBlock") is not None or fields.get("toBlock") is not None):
        raise InvalidParamsError("cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other")
    first, last = (
        Tag.LATEST if fields.get(name) is None else parse_block(fields[name], f"argument 0: {name}")
        for name in ("fromBlock", "toBlock")
    )
    topics = fields.get("topics") or []
    if not isinstance(topics, list) or len(topics) > MAX_TOPIC_POSITIONS:
        raise InvalidParamsError("exceed max topics" if isinstance(topics, list) else "invalid topics: not an array")
    return LogFilter(
        first=first,
        last=last,
        block_hash=None if block_hash is None else parse_data(block_hash, "argument 0: blockHash", size=32),
        addresses=_choices(fields.get("address"), "address", 20),
        topics=tuple(_choices(choice, f"topic {i}", 32) for i, choice in enumerate(topics)),
    )


def _choices(value: object, place: str, size: int) -> tuple[bytes, ...]:
    """Return the values of null (none: anything), of one string, or of an array whose null again means anything."""
    if value is None:
        return ()
    if not isinstance(value, list):
        return (parse_data(value, place, size=size),)
    if len(value) > MAX_LOG_CHOICES:
        raise InvalidParamsError(f"exceed max {place}: more than {MAX_LOG_CHOICES} choices")
    if any(choice is None for choice in value):
        return ()
    return tuple(parse_data(choice, place, size=size) for choice in value)


def _bytes_or_none(fields: dict[str, object], name: str) -> bytes | None:
    value = fields.get(name)
    return None if value is None else parse_data(value, f"argument 0: {name}")


def _address_or_empty(fields: dict[str, object], name: str) -> bytes:
    value = fields.get(name)
    return b"" if value is None or value == "" else parse_data(value, f"argument 0: {name}", size=20)
