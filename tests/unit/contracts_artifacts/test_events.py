"""Decoding event logs: against eth_abi's encoder, and everything that is not exactly an event refused."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from contracts import artifact
from contracts.artifacts import CONTRACT_NAMES
from contracts.errors import MalformedEventError, UnknownEventError
from contracts.events import Anchored, Event, Executed, InstitutionAdmitted, OriginAdded, decode_event, event_topic

DECLARED = [
    (name, entry["name"], [(argument["type"], argument["indexed"]) for argument in entry["inputs"]])
    for name in CONTRACT_NAMES
    for entry in artifact(name).abi
    if entry["type"] == "event"
]


def values_of(abi_type: str) -> st.SearchStrategy[Any]:
    if abi_type == "bytes32":
        return st.binary(min_size=32, max_size=32)
    if abi_type == "address":
        return st.binary(min_size=20, max_size=20)
    if abi_type == "string":
        return st.text(max_size=70)
    return st.integers(0, 2 ** int(abi_type.removeprefix("uint")) - 1)


def encode_log(contract: str, name: str, arguments: list[tuple[str, bool]], values: list[Any]) -> tuple[list[bytes], bytes]:
    pairs = list(zip(arguments, values, strict=True))
    topics = [encode([abi_type], [value]) for (abi_type, indexed), value in pairs if indexed]
    data = encode(
        [abi_type for (abi_type, indexed), _ in pairs if not indexed],
        [value for (_, indexed), value in pairs if not indexed],
    )
    return [artifact(contract).event_topics[name], *topics], data


@pytest.mark.parametrize("declared", DECLARED, ids=[name for _, name, _ in DECLARED])
@given(data=st.data())
def test_every_event_comes_back(declared: tuple[str, str, list[tuple[str, bool]]], data: st.DataObject) -> None:
    contract, name, arguments = declared
    values = [data.draw(values_of(abi_type)) for abi_type, _ in arguments]
    topics, encoded = encode_log(contract, name, arguments, values)
    event = decode_event(contract, topics, encoded)
    assert type(event).__name__ == name
    assert list(astuple(event)) == values
    assert event_topic(type(event)) == topics[0]


def test_every_class_is_declared_by_a_contract() -> None:
    assert {cls.__name__ for cls in Event.__args__} == {name for _, name, _ in DECLARED}


ROOT = bytes([3]) * 32
ANCHORED = encode_log("log_anchors", "Anchored", [("bytes32", True), ("uint64", False), ("bytes32", False)], [ROOT, 5, ROOT])
ADMITTED = encode_log(
    "consortium",
    "InstitutionAdmitted",
    [("bytes32", True), ("uint256", False), ("string", False), ("uint256", False), ("address", False)],
    [ROOT, 1, "alpha", 1, bytes([4]) * 20],
)
ADDED = encode_log(
    "consortium",
    "OriginAdded",
    [("bytes32", True), ("bytes32", True), ("string", False), ("string", False)],
    [ROOT, ROOT, "log.example", "https://log.example"],
)


def test_the_samples_are_events() -> None:
    assert decode_event("log_anchors", *ANCHORED) == Anchored(ROOT, 5, ROOT)
    assert decode_event("consortium", *ADMITTED) == InstitutionAdmitted(ROOT, 1, "alpha", 1, bytes([4]) * 20)
    assert decode_event("consortium", *ADDED) == OriginAdded(ROOT, ROOT, "log.example", "https://log.example")


def with_word(data: bytes, index: int, word: bytes) -> bytes:
    return data[: 32 * index] + word + data[32 * index + 32 :]


@pytest.mark.parametrize(
    ("contract", "topics", "data", "reason"),
    [
        ("log_anchors", ANCHORED[0][:1], ANCHORED[1], "needs 1 further topics"),
        ("log_anchors", [*ANCHORED[0], ROOT], ANCHORED[1], "needs 1 further topics"),
        ("log_anchors", [ANCHORED[0][0], ROOT[:31]], ANCHORED[1], "needs 1 further topics"),
        ("log_anchors", ANCHORED[0], ANCHORED[1][:-1], "root: data end early"),
        ("log_anchors", ANCHORED[0], ANCHORED[1] + b"\0", "1 bytes too many"),
        ("log_anchors", ANCHORED[0], b"\xff" * 64, "size: out of range of uint64"),
        ("consortium", ADMITTED[0], with_word(ADMITTED[1], 3, ROOT), "chain_key: out of range of address"),
        ("consortium", ADMITTED[0], with_word(ADMITTED[1], 1, ROOT), "identifier: not where it belongs"),
        ("consortium", ADMITTED[0], with_word(ADMITTED[1], 4, ROOT), "identifier: data end early"),
        ("consortium", ADMITTED[0], ADMITTED[1][:140], "identifier: data end early"),
        ("consortium", ADMITTED[0], ADMITTED[1][:-1] + b"x", "identifier: padding is not zero"),
        ("consortium", ADMITTED[0], with_word(ADMITTED[1], 5, b"\xff" * 5 + bytes(27)), "invalid start byte"),
        ("consortium", ADDED[0], ADDED[1] + bytes(32), "32 bytes too many"),
    ],
)
def test_what_is_not_exactly_the_event_is_refused(contract: str, topics: list[bytes], data: bytes, reason: str) -> None:
    with pytest.raises(MalformedEventError, match=reason):
        decode_event(contract, topics, data)


@pytest.mark.parametrize("topics", [[], [ROOT], [event_topic(Executed)]])
def test_an_unknown_topic_is_refused_by_name(topics: list[bytes]) -> None:
    with pytest.raises(UnknownEventError, match="log_anchors has no event"):
        decode_event("log_anchors", topics, b"")
