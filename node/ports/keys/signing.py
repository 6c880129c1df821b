"""Keys, as services see them. Private keys stay behind this port; what signs is handed out, not what it signs with."""

from __future__ import annotations

from typing import Protocol


class KeyEncryptionKeys(Protocol):
    """The keys that wrap record secrets. They rotate; destroying one makes old backups of the secrets unreadable."""

    def current(self) -> tuple[str, bytes]:
        """Return the id and the 32 bytes of the key that new secrets are wrapped under."""

    def by_id(self, kek_id: str) -> bytes | None:
        """Return a key's 32 bytes, or None when it was destroyed."""


class NodeKeys(Protocol):
    """What is derived from the node's own secret."""

    def mac(self, purpose: str, message: bytes) -> bytes:
        """Return HMAC-SHA256 under the sub-key for a purpose: equal inputs are recognised, nothing else is learned."""

    def seal(self, purpose: str, plaintext: bytes) -> bytes:
        """Encrypt for this node alone."""

    def open(self, purpose: str, sealed: bytes) -> bytes:
        """Decrypt what `seal` made.

        Raises:
            KeyFileError: It was sealed under another node key, or altered.
        """
