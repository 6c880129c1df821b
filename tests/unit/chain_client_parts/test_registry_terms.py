"""Roles by name, and transactions that are signed the same every time."""

from __future__ import annotations

import pytest
from eth_account import Account

from contracts.terms import Role
from node.adapters.chain.registry import role_mask, role_names
from node.adapters.chain.signers import LocalSigner, UnsignedCall


def test_role_names_and_masks_are_each_others_inverse() -> None:
    for mask in range(1, 512):
        assert role_mask(role_names(mask)) == mask
    assert role_names(Role.PRIMARY_CARE | Role.CODE_SERVICE) == ("primary-care", "code-service")
    assert role_mask(("hospital", "hospital")) == Role.HOSPITAL


def test_an_unknown_role_is_named() -> None:
    with pytest.raises(ValueError, match="no role 'butcher'; there are hospital, "):
        role_mask(("hospital", "butcher"))


def test_a_call_is_signed_the_same_every_time_and_by_its_key() -> None:
    signer = LocalSigner(b"\x01" * 32)
    call = UnsignedCall(chain_id=7, nonce=3, to=b"t" * 20, data=b"data", gas=100_000, gas_price_wei=0)
    signed = signer.sign(call)
    assert signer.sign(call) == signed
    assert bytes.fromhex(Account.recover_transaction(signed.raw)[2:]) == signer.address
