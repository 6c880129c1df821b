"""EIP-712 hashes and signatures of the messages that the `consents` contract takes (docs/spec/contracts.md).

All members are static words, so that `encodeData` is the words one after the other; `hashStruct`, domain separator and
digest follow the EIP. Tests compare every message with eth_account's `encode_typed_data`. Neither web3 nor eth_account is
needed: a patient's tool is small. Left out: whose key it has to be, which the contract decides.
"""

from __future__ import annotations

from typing import Final

from coincurve import PrivateKey, PublicKey
from eth_hash.auto import keccak

from node.domain.consent_message import (
    ConsentMessage,
    ContractDomain,
    Grant,
    InstitutionGrant,
    InstitutionRevoke,
    MessageSignature,
    OpenEmergency,
    ReviewEmergency,
    Revoke,
)
from node.domain.entry import Origin

DOMAIN_NAME: Final = "Concord Consents"
DOMAIN_VERSION: Final = "1"
TYPES: Final[dict[type, str]] = {
    Grant: "Grant(bytes32 id,bytes32 scope,uint64 expiresAt)",
    Revoke: "Revoke(bytes32 id)",
    InstitutionGrant: "InstitutionGrant(bytes32 origin,bytes32 id,bytes32 scope,uint64 expiresAt)",
    InstitutionRevoke: "InstitutionRevoke(bytes32 origin,bytes32 id)",
    OpenEmergency: "OpenEmergency(bytes32 origin,bytes32 id,bytes32 digest)",
    ReviewEmergency: "ReviewEmergency(bytes32 origin,bytes32 id,bytes32 digest)",
}
"""The type of each message, as EIP-712 writes it."""

WORD_BYTES: Final = 32
ADDRESS_BYTES: Final = 20

_DOMAIN_TYPE: Final = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_MAX_S: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_FIRST_V: Final = 27
_UINT64: Final = 2**64


def message_digest(domain: ContractDomain, message: ConsentMessage) -> bytes:
    """Return the 32 bytes that are signed.

    Raises:
        ValueError: A member has another length than its type.
    """
    content = b"".join(_words(message))
    return keccak(b"\x19\x01" + _separator(domain) + keccak(keccak(TYPES[type(message)].encode()) + content))


def sign_message(private_key: bytes, domain: ContractDomain, message: ConsentMessage) -> MessageSignature:
    """Sign a message; the same message gives the same signature (RFC 6979), always with the lower s.

    Raises:
        ValueError: The bytes are no secp256k1 private key.
    """
    signed = PrivateKey(private_key).sign_recoverable(message_digest(domain, message), hasher=None)
    r, s = (int.from_bytes(signed[at : at + WORD_BYTES], "big") for at in (0, WORD_BYTES))
    return MessageSignature(_FIRST_V + signed[-1], r, s)


def recover_signer(domain: ContractDomain, message: ConsentMessage, signature: MessageSignature) -> bytes:
    """Return the account whose key signed, 20 bytes, as the contract would find it.

    Raises:
        ValueError: No key made such a signature, or it is not in its one form.
    """
    if signature.v not in (_FIRST_V, _FIRST_V + 1) or not 0 < signature.s <= _MAX_S or not 0 < signature.r < 2**256:
        raise ValueError("a signature has v 27 or 28 and the lower s")
    compact = signature.r.to_bytes(WORD_BYTES, "big") + signature.s.to_bytes(WORD_BYTES, "big")
    key = PublicKey.from_signature_and_message(
        compact + bytes((signature.v - _FIRST_V,)), message_digest(domain, message), hasher=None
    )
    return _address(key)


def address_of_key(private_key: bytes) -> bytes:
    """Return the account of a private key, 20 bytes.

    Raises:
        ValueError: The bytes are no secp256k1 private key.
    """
    return _address(PrivateKey(private_key).public_key)


def _address(key: PublicKey) -> bytes:
    return keccak(key.format(compressed=False)[1:])[-ADDRESS_BYTES:]


def _separator(domain: ContractDomain) -> bytes:
    if len(domain.contract) != ADDRESS_BYTES:
        raise ValueError(f"a contract's address has {ADDRESS_BYTES} bytes")
    return keccak(
        keccak(_DOMAIN_TYPE.encode())
        + keccak(DOMAIN_NAME.encode())
        + keccak(DOMAIN_VERSION.encode())
        + domain.chain_id.to_bytes(WORD_BYTES, "big")
        + domain.contract.rjust(WORD_BYTES, b"\0")
    )


def _words(message: ConsentMessage) -> tuple[bytes, ...]:
    match message:
        case Grant(consent, scope, expires_at_s):
            return _word(consent), _word(scope), _time(expires_at_s)
        case Revoke(consent):
            return (_word(consent),)
        case InstitutionGrant(origin, consent, scope, expires_at_s):
            return _origin(origin), _word(consent), _word(scope), _time(expires_at_s)
        case InstitutionRevoke(origin, consent):
            return _origin(origin), _word(consent)
        case OpenEmergency(origin, emergency, digest) | ReviewEmergency(origin, emergency, digest):
            return _origin(origin), _word(emergency), _word(digest)


def _word(value: bytes) -> bytes:
    if len(value) != WORD_BYTES:
        raise ValueError(f"ids and digests have {WORD_BYTES} bytes, not {len(value)}")
    return value


def _time(seconds: int) -> bytes:
    if not 0 <= seconds < _UINT64:
        raise ValueError("a time is an unsigned 64-bit number of seconds")
    return seconds.to_bytes(WORD_BYTES, "big")


def _origin(origin: Origin) -> bytes:
    return keccak(origin.encode())
