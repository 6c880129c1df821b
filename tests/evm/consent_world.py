"""The `consents` contract in a `World`, with keys that can sign: messages are signed by eth_account, not by our own code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak

from contracts.terms import KeyKind
from tests.evm.world import Deployed, World, account, as_key, id_of

NAME: Final = "Concord Consents"
B32: Final = "bytes32"
TYPES: Final[Mapping[str, list[dict[str, str]]]] = {
    name: [{"name": member, "type": kind} for member, kind in members]
    for name, members in {
        "Grant": [("id", B32), ("scope", B32), ("expiresAt", "uint64")],
        "Revoke": [("id", B32)],
        "InstitutionGrant": [("origin", B32), ("id", B32), ("scope", B32), ("expiresAt", "uint64")],
        "InstitutionRevoke": [("origin", B32), ("id", B32)],
        "OpenEmergency": [("origin", B32), ("id", B32), ("digest", B32)],
        "ReviewEmergency": [("origin", B32), ("id", B32), ("digest", B32)],
    }.items()
}
Signature = tuple[int, int, int]


def key_of(name: str) -> bytes:
    """Return the private key that stands for a name."""
    return keccak(b"private key " + name.encode())


def address_of(name: str) -> bytes:
    return bytes.fromhex(Account.from_key(key_of(name)).address[2:])


class ConsentWorld(World):
    """Alpha and beta have logs `log.X.example` and anchor keys named `X/anchor`; whoever sends is `relay`."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("alpha", "beta"):
            self.set_up_log(name, f"log.{name}.example")
            self.register_anchor(name, f"{name}/anchor")
        self.consents = Deployed(self.env, "consents", ["address"], [self.consortium.raw_address])
        self.chain_id = int(self.env.evm.patch.chain_id)

    def register_anchor(self, institution: str, key_name: str, overlap_s: int = 0) -> None:
        self.consortium.send(account(institution), "register_key", int(KeyKind.ANCHOR), as_key(address_of(key_name)), overlap_s)

    def domain(self, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - typed data is of any type
        return {
            "name": NAME,
            "version": "1",
            "chainId": self.chain_id,
            "verifyingContract": "0x" + self.consents.raw_address.hex(),
            **changes,
        }

    def sign(self, key_name: str, kind: str, values: Mapping[str, Any], **changes: Any) -> Signature:  # noqa: ANN401 - as above
        typed = {
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                    {"name": "chainId", "type": "uint256"},
                    {"name": "verifyingContract", "type": "address"},
                ],
                kind: TYPES[kind],
            },
            "primaryType": kind,
            "domain": self.domain(**changes),
            "message": dict(values),
        }
        signed = Account.from_key(key_of(key_name)).sign_message(encode_typed_data(full_message=typed))
        return signed.v, signed.r, signed.s

    def send(self, function: str, *arguments: object) -> None:
        self.consents.send(account("relay"), function, *arguments)

    def grant(self, consent: bytes, scope: bytes, expires_at_s: int, key_name: str, **changes: Any) -> None:  # noqa: ANN401 - as above
        signature = self.sign(key_name, "Grant", {"id": consent, "scope": scope, "expiresAt": expires_at_s}, **changes)
        self.send("grant", consent, scope, expires_at_s, address_of(key_name), *signature)

    def revoke(self, consent: bytes, key_name: str) -> None:
        self.send("revoke", consent, *self.sign(key_name, "Revoke", {"id": consent}))

    def institution_grant(self, name: str, consent: bytes, scope: bytes, expires_at_s: int, key_name: str = "") -> None:
        origin = id_of(f"log.{name}.example")
        values = {"origin": origin, "id": consent, "scope": scope, "expiresAt": expires_at_s}
        signature = self.sign(key_name or f"{name}/anchor", "InstitutionGrant", values)
        self.send("grant_by_institution", origin, consent, scope, expires_at_s, *signature)

    def institution_revoke(self, name: str, consent: bytes, key_name: str = "") -> None:
        origin = id_of(f"log.{name}.example")
        signature = self.sign(key_name or f"{name}/anchor", "InstitutionRevoke", {"origin": origin, "id": consent})
        self.send("revoke_by_institution", origin, consent, *signature)

    def open_emergency(self, name: str, emergency: bytes, digest: bytes, key_name: str = "") -> None:
        self._emergency("OpenEmergency", "open_emergency", name, emergency, digest, key_name)

    def review_emergency(self, name: str, emergency: bytes, digest: bytes, key_name: str = "") -> None:
        self._emergency("ReviewEmergency", "review_emergency", name, emergency, digest, key_name)

    def _emergency(self, kind: str, function: str, name: str, emergency: bytes, digest: bytes, key_name: str) -> None:
        origin = id_of(f"log.{name}.example")
        signature = self.sign(key_name or f"{name}/anchor", kind, {"origin": origin, "id": emergency, "digest": digest})
        self.send(function, origin, emergency, digest, *signature)
