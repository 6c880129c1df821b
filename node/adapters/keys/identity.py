"""An institution's exchange and request keys, from their files (`ports.keys.identities`)."""

from __future__ import annotations

from pathlib import Path

from nacl.bindings import crypto_box_seal_open, crypto_scalarmult_base, crypto_sign, crypto_sign_BYTES, crypto_sign_seed_keypair
from nacl.exceptions import CryptoError

from node.adapters.keys.files import EXCHANGE_KEY, InstitutionKeys
from node.domain.entry import InstitutionId
from node.errors import SealedMessageError
from node.wire.locator import pairwise_key


class FileInstitutionIdentity:
    """An `InstitutionIdentity` whose keys are files."""

    def __init__(self, directory: Path, institution: InstitutionId) -> None:
        """Read the keys.

        Raises:
            KeyFileError: One is missing, readable by others or damaged.
        """
        keys = InstitutionKeys(directory, institution)
        self._institution = institution
        # the present one first, then those that were rotated out
        self._exchange_keys = tuple(dict.fromkeys((keys.read(EXCHANGE_KEY), *keys.former_exchange_keys())))
        self._exchange_public_keys = tuple(crypto_scalarmult_base(key) for key in self._exchange_keys)
        self._request_public_key, self._request_key = crypto_sign_seed_keypair(keys.read("request.seed"))

    @property
    def institution(self) -> InstitutionId:
        """Whose keys."""
        return self._institution

    @property
    def exchange_public_key(self) -> bytes:
        """X25519, 32 bytes."""
        return self._exchange_public_keys[0]

    @property
    def exchange_public_keys(self) -> tuple[bytes, ...]:
        """X25519, 32 bytes each: the present one, then those before it that are kept."""
        return self._exchange_public_keys

    @property
    def request_public_key(self) -> bytes:
        """Ed25519, 32 bytes."""
        return self._request_public_key

    def pairwise_key(self, patient_public_key: bytes) -> bytes:
        """Return K_r, 32 bytes, shared with a patient.

        Raises:
            ValueError: The patient's X25519 key has another length or is of small order.
        """
        return pairwise_key(self._exchange_keys[0], patient_public_key)

    def pairwise_keys(self, patient_public_key: bytes) -> tuple[bytes, ...]:
        """Return every K_r that was ever shared with a patient and is still at hand, the present one first.

        Raises:
            ValueError: The patient's X25519 key has another length or is of small order.
        """
        return tuple(pairwise_key(key, patient_public_key) for key in self._exchange_keys)

    def unseal(self, sealed: bytes) -> bytes:
        """Open a NaCl SealedBox that was sealed to the exchange key, or to a former one: boxes are under way while keys rotate.

        Raises:
            SealedMessageError: It was sealed to another key, or altered.
        """
        for public_key, key in zip(self._exchange_public_keys, self._exchange_keys, strict=True):
            try:
                return crypto_box_seal_open(sealed, public_key, key)
            except (CryptoError, ValueError, TypeError):
                continue
        raise SealedMessageError(self._institution)

    def sign(self, message: bytes) -> bytes:
        """Sign with the request key, Ed25519, 64 bytes."""
        return crypto_sign(message, self._request_key)[:crypto_sign_BYTES]
