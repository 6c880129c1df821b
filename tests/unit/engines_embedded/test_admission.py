"""Transactions that are refused before anybody looks at the chain."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import rlp
from hypothesis import given
from hypothesis import strategies as st

from devnet.engines.embedded.admission import MAX_TRANSACTION_BYTES, admit, intrinsic_gas
from devnet.engines.embedded.errors import TransactionRefusedError
from tests.unit.engines_embedded.chains import CHAIN_ID, KEYS, raw_transaction

KEY = KEYS[0]
SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def refusal(raw: bytes) -> str:
    with pytest.raises(TransactionRefusedError) as refused:
        admit(raw, CHAIN_ID)
    return refused.value.message


@pytest.mark.parametrize(
    "fields", [{}, {"type": 1, "accessList": []}, {"maxFeePerGas": 3, "maxPriorityFeePerGas": 2}, {"to": None, "gas": 60_000}]
)
def test_the_sender_is_recovered(fields: dict[str, object]) -> None:
    one = admit(raw_transaction(KEY, 5, **fields), CHAIN_ID)
    assert one.sender == bytes.fromhex(KEY.address[2:])
    assert one.nonce == 5


def test_cost_is_value_and_gas_at_the_highest_price() -> None:
    assert admit(raw_transaction(KEY, 0, gasPrice=3, value=7), CHAIN_ID).worst_cost_wei == 7 + 3 * 21_000


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"chainId": CHAIN_ID + 1}, "invalid sender: invalid chain id for signer: have 100 want 99"),
        ({"gas": 20_999}, "intrinsic gas too low: gas 20999, minimum needed 21000"),
        ({"gas": 21_039, "data": "0x01"}, "intrinsic gas too low: gas 21039, minimum needed 21040"),
        ({"gas": 30_000_001}, "exceeds block gas limit: have 30000001, limit 30000000"),
        ({"to": None, "data": "0x" + "00" * 49_153, "gas": 10**6}, "max initcode size exceeded: code size 49153, limit 49152"),
        ({"data": "0x" + "00" * MAX_TRANSACTION_BYTES, "gas": 10**7}, "oversized data: transaction size"),
        ({"maxFeePerGas": 1, "maxPriorityFeePerGas": 2}, "max priority fee per gas higher than max fee per gas"),
    ],
)
def test_refusals_say_what_geth_says(fields: dict[str, object], message: str) -> None:
    assert refusal(raw_transaction(KEY, 0, **fields)).startswith(message)


def test_the_calldata_floor_counts(recwarn: pytest.WarningsRecorder) -> None:
    one = admit(raw_transaction(KEY, 0, data="0x" + "ff" * 100, gas=25_000), CHAIN_ID)
    assert intrinsic_gas(one.transaction) == 21_000 + 10 * 4 * 100
    assert not recwarn.list


def fields_of(raw: bytes) -> list[Any]:
    return list(rlp.decode(raw))


def test_the_mirror_image_of_a_signature_is_refused() -> None:
    fields = fields_of(raw_transaction(KEY, 0))
    v, s = int.from_bytes(fields[6]), int.from_bytes(fields[8])
    flipped = v + 1 if v % 2 else v - 1
    fields[6], fields[8] = bytes([flipped]), (SECP256K1_ORDER - s).to_bytes(32)
    assert refusal(rlp.encode(fields)) == "invalid sender: invalid transaction v, r, s values"


@pytest.mark.parametrize("r", [b"", SECP256K1_ORDER.to_bytes(32)])
def test_a_signature_out_of_range_is_refused(r: bytes) -> None:
    fields = fields_of(raw_transaction(KEY, 0))
    fields[7] = r
    assert refusal(rlp.encode(fields)).startswith("invalid sender")


def test_an_unprotected_transaction_is_refused() -> None:
    fields = fields_of(raw_transaction(KEY, 0))
    fields[6] = b"\x1b"
    assert refusal(rlp.encode(fields)) == "only replay-protected (EIP-155) transactions allowed over RPC"


@pytest.mark.parametrize(("position", "value"), [(2, 2**64), (4, 2**256), (1, 2**256)])
def test_numbers_that_fit_no_field_are_refused(position: int, value: int) -> None:
    fields = fields_of(raw_transaction(KEY, 0))
    fields[position] = value.to_bytes(33).lstrip(b"\0")
    assert refusal(rlp.encode(fields)).startswith("rlp: input string too long")


def test_the_last_nonce_is_refused() -> None:
    fields = fields_of(raw_transaction(KEY, 0))
    fields[0] = (2**64 - 1).to_bytes(8)
    assert refusal(rlp.encode(fields)) == "nonce has max value"


def test_trailing_bytes_are_refused() -> None:
    assert refusal(raw_transaction(KEY, 0) + b"\0").startswith("rlp: not a transaction")


@pytest.mark.parametrize("kind", [5, 0x7F])
def test_unknown_types_are_refused(kind: int) -> None:
    assert refusal(bytes([kind]) + rlp.encode([b""] * 14)) == "transaction type not supported"


def test_a_transaction_that_sets_code_is_refused() -> None:
    permission = KEY.sign_authorization({"chainId": CHAIN_ID, "address": "0x" + "22" * 20, "nonce": 1})
    fields = {"maxFeePerGas": 0, "maxPriorityFeePerGas": 0, "gas": 100_000, "authorizationList": [permission]}
    assert refusal(raw_transaction(KEY, 0, **fields)) == "transaction type not supported"


@given(st.binary(max_size=200))
def test_any_bytes_are_admitted_or_refused(raw: bytes) -> None:
    with pytest.raises(TransactionRefusedError):
        admit(raw, CHAIN_ID)


@given(st.data())
def test_a_damaged_transaction_is_refused_or_of_somebody_else(data: st.DataObject) -> None:
    raw = bytearray(raw_transaction(KEY, 0))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(TransactionRefusedError):
        assert admit(bytes(raw), CHAIN_ID).sender != bytes.fromhex(KEY.address[2:])
