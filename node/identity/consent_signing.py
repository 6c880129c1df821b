"""The patient's keys for consents: one secp256k1 key for each, and the Ed25519 key that signs scopes (docs/spec/consent.md).

The key for a consent derives from the seed and the consent's random id: nothing has to be kept to revoke it later, and
keys of two consents have no more in common than two random ones. Pure: what is signed is given as bytes. Left out: what
a scope holds (`node.wire.consent.scopes`), and the messages on chain (`node.identity.typed_data`).
"""

from __future__ import annotations

from typing import Final

from coincurve import PrivateKey
from nacl.bindings import crypto_sign, crypto_sign_BYTES, crypto_sign_open, crypto_sign_PUBLICKEYBYTES, crypto_sign_seed_keypair
from nacl.exceptions import BadSignatureError

from node.domain.access import ConsentId
from node.domain.patient import PatientSeed
from node.errors import ConsentAuthorityError
from node.identity.codes import SEED_BYTES, signing_key_seed
from node.identity.hkdf import hkdf_expand, hkdf_extract

ID_BYTES: Final = 32

_KEY_LABEL: Final = b"concord/consent-key/v1"
_KEY_BYTES: Final = 32
_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_WIDE_BYTES: Final = 48


def consent_key(seed: PatientSeed, consent: ConsentId) -> bytes:
    """Derive the secp256k1 private key of one consent, 32 bytes.

    48 bytes are taken modulo the order less one, plus one: a valid key always, and uniform but for 2^-128.

    Raises:
        ValueError: A seed or id of another length.
    """
    if len(seed) != SEED_BYTES or len(consent) != ID_BYTES:
        raise ValueError("a seed and a consent id have 32 bytes each")
    wide = hkdf_expand(hkdf_extract(b"", seed), _KEY_LABEL + consent, _WIDE_BYTES)
    key = int.from_bytes(wide, "big") % (_ORDER - 1) + 1
    return PrivateKey(key.to_bytes(_KEY_BYTES, "big")).secret


def sign_as_patient(seed: PatientSeed, message: bytes) -> bytes:
    """Sign with the patient's Ed25519 key, 64 bytes."""
    _, private = crypto_sign_seed_keypair(signing_key_seed(seed))
    return crypto_sign(message, private)[:crypto_sign_BYTES]


def verify_signature(public_key: bytes, message: bytes, signature: bytes, whose: str) -> None:
    """Verify an Ed25519 signature.

    Args:
        public_key: 32 bytes.
        message: What was signed.
        signature: 64 bytes.
        whose: For the message of the error: `the patient` or an institution.

    Raises:
        ConsentAuthorityError: It is not that key's.
    """
    if len(public_key) != crypto_sign_PUBLICKEYBYTES or len(signature) != crypto_sign_BYTES:
        raise ConsentAuthorityError(f"the signature of {whose} has not the length of one")
    try:
        crypto_sign_open(signature + message, public_key)
    except BadSignatureError as error:
        raise ConsentAuthorityError(f"the signature of {whose} fails") from error
