"""What an institution does with its own private keys: agree on pairwise keys, open what is sealed to it, sign requests.

Private keys stay behind this port; what signs is handed out, not what it signs with.
"""

from __future__ import annotations

from typing import Protocol

from node.domain.entry import InstitutionId


class InstitutionIdentity(Protocol):
    """One hosted institution's exchange and request keys."""

    @property
    def institution(self) -> InstitutionId:
        """Whose keys."""
        ...

    @property
    def exchange_public_key(self) -> bytes:
        """X25519, 32 bytes, as the registry holds it."""
        ...

    @property
    def exchange_public_keys(self) -> tuple[bytes, ...]:
        """X25519, 32 bytes each: the present one, then those before it that are kept."""
        ...

    @property
    def request_public_key(self) -> bytes:
        """Ed25519, 32 bytes, as the registry holds it."""
        ...

    def pairwise_key(self, patient_public_key: bytes) -> bytes:
        """Return K_r, 32 bytes, shared with a patient (docs/spec/locator.md).

        Raises:
            ValueError: The patient's X25519 key has another length or is of small order.
        """

    def pairwise_keys(self, patient_public_key: bytes) -> tuple[bytes, ...]:
        """Return every K_r that was ever shared with a patient and is still at hand, the present one first.

        Under which of them an entry was numbered and sealed its header does not tell: whoever looks back tries all of them.

        Raises:
            ValueError: The patient's X25519 key has another length or is of small order.
        """

    def unseal(self, sealed: bytes) -> bytes:
        """Open a NaCl SealedBox that was sealed to the exchange key, or to a former one that is kept.

        Raises:
            SealedMessageError: It was sealed to another key, or altered.
        """

    def sign(self, message: bytes) -> bytes:
        """Sign with the request key, Ed25519, 64 bytes."""
