"""NaCl SealedBoxes to the exchange keys of members: what only the addressee opens (`ports.keys.identities` opens them)."""

from __future__ import annotations

from nacl.bindings import crypto_box_seal


def seal_box(plaintext: bytes, exchange_public_key: bytes) -> bytes:
    """Seal something to an X25519 public key.

    Raises:
        ValueError: The key has another length, or is of small order.
    """
    try:
        return crypto_box_seal(plaintext, exchange_public_key)
    except Exception as error:
        raise ValueError("an X25519 public key that nothing can be sealed to") from error
