"""What each call of the contracts costs: the table in docs/spec/gas.md. `python -m tests.evm.gas_table` writes it again.

Real transactions with the committed bytecode, so that the figures are exact; test_gas compares them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from eth_keys.datatypes import PrivateKey

from contracts.gas import Gas, MeasuredChain
from contracts.slots import anchor_access_list
from contracts.terms import KeyKind, Role
from node.domain.access import ConsentId
from node.domain.consent_message import (
    ConsentMessage,
    ContractDomain,
    EmergencyId,
    Grant,
    InstitutionGrant,
    InstitutionRevoke,
    OpenEmergency,
    ReviewEmergency,
    Revoke,
    ScopeDigest,
)
from node.domain.entry import Origin
from node.identity.typed_data import sign_message
from tests.evm.trees import EqualLeaves, prove, root
from tests.evm.world import as_key, id_of

TABLE: Final = Path(__file__).parents[2] / "docs" / "spec" / "gas.md"
ANCHOR: Final = "anchor(bytes32,uint64,bytes32,bytes32[])"
FOUNDERS: Final = ("alpha", "beta", "gamma")
SIZES: Final = (10**3, 10**4, 10**5, 10**6, 10**7)
GROWTH: Final = (1, 100, 10_000)
CHAIN_ID: Final = 1
UNTIL_S: Final = 1_900_000_000

INTRODUCTION: Final = """# Gas of the contracts

Exact figures of real transactions with the committed bytecode (`python -m tests.evm.gas_table` writes this file, a test
compares it). Execution is the receipt's gas less the intrinsic gas (base, data, creation, access list). Three institutions,
threshold 2. "listed" is the same anchor with the access list that `contracts.slots.anchor_access_list` gives. Consents are sent by
an account that is nobody's.

| call | execution | transaction |
| --- | ---: | ---: |
"""


class Measuring:
    """A consortium of three on a measured chain."""

    def __init__(self) -> None:
        names = (*FOUNDERS, "anchor", "next", "patient")
        self.keys = {name: PrivateKey(id_of(f"key of {name}")) for name in names}
        self.chain = MeasuredChain(list(self.keys.values()))
        self.rows: dict[str, Gas] = {}
        founders = [(name, int(Role.HOSPITAL), self.address(name)) for name in FOUNDERS]
        types = ["(string,uint256,address)[]", "uint256"]
        self.consortium, self.rows["deploy consortium, 3 founders"] = self.chain.deploy(
            self.keys["alpha"], "consortium", types, [founders, 2]
        )
        self.anchors, self.rows["deploy log_anchors"] = self.chain.deploy(
            self.keys["alpha"], "log_anchors", ["address"], [self.consortium]
        )
        self.consents, self.rows["deploy consents"] = self.chain.deploy(
            self.keys["alpha"], "consents", ["address"], [self.consortium]
        )

    def address(self, name: str) -> bytes:
        return self.keys[name].public_key.to_canonical_address()

    def call(self, label: str, sender: str, signature: str, *values: object) -> None:
        self.rows[label] = self.chain.call(self.keys[sender], self.consortium, signature, values)

    def consent(self, label: str, signer: str, signature: str, message: ConsentMessage, *values: object) -> None:
        """Send a message that a key signed, from an account that is nobody's."""
        signed = sign_message(self.keys[signer].to_bytes(), ContractDomain(CHAIN_ID, self.consents), message)
        arguments = (*values, signed.v, signed.r, signed.s)
        self.rows[label] = self.chain.call(self.keys["next"], self.consents, signature, arguments)

    def anchor(self, old_size: int, new_size: int, *, listed: bool = False) -> Gas:
        tree = EqualLeaves()
        values = (id_of("log.alpha.example"), new_size, root(tree, new_size), prove(tree, old_size, new_size))
        access_list = anchor_access_list(self.consortium, 0) if listed else ()
        return self.chain.call(self.keys["anchor"], self.anchors, ANCHOR, values, access_list)


def measure() -> dict[str, Gas]:
    """Measure every row of the table."""
    measuring, listed = Measuring(), Measuring()
    _measure_consortium(measuring)
    _measure_consortium(listed)
    plain_rows = _measure_anchors(measuring, listed=False)
    listed_rows = _measure_anchors(listed, listed=True)
    for label, gas in plain_rows.items():
        measuring.rows[label] = gas
        measuring.rows[f"{label}, listed"] = listed_rows[label]
    _measure_consents(measuring)
    measuring.call("close_origin, reaching vote", "beta", "vote(uint256)", 2)
    return measuring.rows


def _measure_anchors(measuring: Measuring, *, listed: bool) -> dict[str, Gas]:
    rows = {"first anchor": measuring.anchor(0, 1, listed=listed)}
    size = 1
    for decade in SIZES:
        measuring.anchor(size, decade)
        size = decade
        for growth in GROWTH:
            if size + growth < 10 * decade:
                label = f"anchor at {decade:,} entries, {growth:,} more"
                rows[label] = measuring.anchor(size, size + growth, listed=listed)
                size += growth
    return rows


def _measure_consents(measuring: Measuring) -> None:
    log, origin = Origin("log.alpha.example"), id_of("log.alpha.example")
    first, second = (ConsentId(id_of(f"consent {number}")) for number in (1, 2))
    emergency, scope = EmergencyId(id_of("emergency")), ScopeDigest(id_of("scope"))
    signed = "uint256,uint256,uint256)"
    measuring.consent(
        "grant, patient's key",
        "patient",
        f"grant(bytes32,bytes32,uint64,address,{signed}",
        Grant(first, scope, UNTIL_S),
        *(first, scope, UNTIL_S, measuring.address("patient")),
    )
    measuring.consent("revoke, patient's key", "patient", f"revoke(bytes32,{signed}", Revoke(first), first)
    measuring.consent(
        "grant_by_institution",
        "anchor",
        f"grant_by_institution(bytes32,bytes32,bytes32,uint64,{signed}",
        InstitutionGrant(log, second, scope, UNTIL_S),
        *(origin, second, scope, UNTIL_S),
    )
    revoke = f"revoke_by_institution(bytes32,bytes32,{signed}"
    measuring.consent("revoke_by_institution", "anchor", revoke, InstitutionRevoke(log, second), origin, second)
    for name, message in (
        ("open_emergency", OpenEmergency(log, emergency, scope)),
        ("review_emergency", ReviewEmergency(log, emergency, scope)),
    ):
        measuring.consent(name, "anchor", f"{name}(bytes32,bytes32,bytes32,{signed}", message, origin, emergency, scope)


def _measure_consortium(measuring: Measuring) -> None:
    register = "register_key(uint256,bytes32,uint256)"
    anchor_key, next_key = (as_key(measuring.address(name)) for name in ("anchor", "next"))
    measuring.call("register_key, first anchor key", "alpha", register, KeyKind.ANCHOR, next_key, 0)
    measuring.call("register_key, rotated anchor key", "alpha", register, KeyKind.ANCHOR, anchor_key, 3600)
    measuring.call("end_overlap", "alpha", "end_overlap(uint256)", KeyKind.ANCHOR)
    arguments = ("delta", int(Role.REGULATOR), measuring.address("next"))
    measuring.call("propose_admit", "alpha", "propose_admit(string,uint256,address)", *arguments)
    measuring.call("admit, reaching vote", "beta", "vote(uint256)", 0)
    origin = (id_of("alpha"), "log.alpha.example", "https://log.alpha.example")
    measuring.call("propose_add_origin", "alpha", "propose_add_origin(bytes32,string,string)", *origin)
    measuring.call("add_origin, reaching vote", "beta", "vote(uint256)", 1)
    closing = (id_of("log.alpha.example"), 7, bytes([7]) * 32, bytes(32))
    signature = "propose_close_origin(bytes32,uint64,bytes32,bytes32)"
    measuring.call("propose_close_origin", "alpha", signature, *closing)
    measuring.call("change_endpoint", "alpha", "change_endpoint(bytes32,string)", closing[0], "https://new.example")
    measuring.call("propose_suspend", "alpha", "propose_suspend(bytes32)", id_of("gamma"))
    measuring.call("suspend, reaching vote", "beta", "vote(uint256)", 3)


def render(rows: dict[str, Gas]) -> str:
    """Render the table as Markdown."""
    lines = [f"| {label} | {gas.execution:,} | {gas.transaction:,} |" for label, gas in rows.items()]
    return INTRODUCTION + "\n".join(lines) + "\n"


if __name__ == "__main__":
    TABLE.write_text(render(measure()), "utf-8")
