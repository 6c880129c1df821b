"""The node's keys: files of mode 0600 under `keys/`.

```
keys/node.key                      32 bytes, hex: sub-keys for keyed hashes and for sealing patient keys
keys/relay.key                     secp256k1 private key of the account that sends signed consents; it has no rights
keys/kek/<id>.key                  key-encryption keys of the record secrets; the highest id is current
keys/locator/<epoch>.key           the consortium's locator secrets, by epoch
keys/<institution>/log.seed        Ed25519 seed that signs checkpoints
keys/<institution>/cosign.seed     Ed25519 seed that cosigns other logs
keys/<institution>/exchange.key    X25519 private key
keys/<institution>/former-exchange/<n>.key   those before it, oldest first: what they numbered and sealed is found with them alone
keys/<institution>/anchor.key      secp256k1 private key that anchors
keys/<institution>/chain.key       secp256k1 private key that votes
```
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.errors import KeyFileError
from node.identity.hkdf import HmacKey, hmac_sha256

KEY_BYTES = 32
_NONCE_BYTES = 12
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
RELAY_KEY = "relay.key"
"""The node's own account on chain."""
EXCHANGE_KEY = "exchange.key"
"""What pairwise keys are agreed on with, and what is sealed to the institution opens with."""
_FORMER_EXCHANGE = "former-exchange"
INSTITUTION_KEYS = ("log.seed", "cosign.seed", EXCHANGE_KEY, "request.seed", "anchor.key", "chain.key")
"""Every institution's keys."""


def write_key(path: Path, key: bytes) -> None:
    """Write a new key file, readable by its owner alone; an existing one is never replaced.

    Raises:
        KeyFileError: There is one already.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise KeyFileError(str(path), "exists already; keys are never overwritten") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(key.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_key(path: Path) -> bytes:
    """Read a key file of 32 bytes, hex.

    Raises:
        KeyFileError: It is missing, readable by others, or not 32 bytes of hex.
    """
    try:
        if path.stat().st_mode & _OTHERS:
            raise KeyFileError(str(path), "is accessible to others; run `chmod 600` on it")
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError as error:
        raise KeyFileError(str(path), "is missing; restore it from the key backup, or run `concord init`") from error
    try:
        key = bytes.fromhex(text)
    except ValueError as error:
        raise KeyFileError(str(path), "is not hexadecimal") from error
    if len(key) != KEY_BYTES:
        raise KeyFileError(str(path), f"holds {len(key)} bytes, not {KEY_BYTES}")
    return key


class FileNodeKeys:
    """What is derived from `node.key`; a `NodeKeys`."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "node.key"
        self._secret = read_key(self._path)
        self._mac_keys: dict[str, HmacKey] = {}
        self._ciphers: dict[str, AESGCM] = {}

    def _sub_key(self, purpose: str) -> bytes:
        # one block of HKDF-Expand (RFC 5869): node.key is uniformly random
        return hmac_sha256(self._secret, f"concord/node/v1/{purpose}".encode() + b"\x01")

    def mac(self, purpose: str, message: bytes) -> bytes:
        """Return HMAC-SHA256 under the sub-key for a purpose."""
        key = self._mac_keys.get(purpose)
        if key is None:
            key = self._mac_keys[purpose] = HmacKey(self._sub_key(purpose))
        return key.mac(message)

    def _cipher(self, purpose: str) -> AESGCM:
        cipher = self._ciphers.get(purpose)
        if cipher is None:
            cipher = self._ciphers[purpose] = AESGCM(self._sub_key(f"seal/{purpose}"))
        return cipher

    def seal(self, purpose: str, plaintext: bytes) -> bytes:
        """Encrypt for this node alone (AES-256-GCM)."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher(purpose).encrypt(nonce, plaintext, None)

    def open(self, purpose: str, sealed: bytes) -> bytes:
        """Decrypt what `seal` made.

        Raises:
            KeyFileError: It was sealed under another node key, or altered.
        """
        try:
            return self._cipher(purpose).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
        except InvalidTag as error:
            raise KeyFileError(str(self._path), "does not open what this database holds; restore the right key") from error


class FileKeyEncryptionKeys:
    """The keys under `kek/`; a `KeyEncryptionKeys`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "kek"
        self._keys = _read_numbered(self._directory)

    def current(self) -> tuple[str, bytes]:
        """Return the id and the 32 bytes of the newest key."""
        newest = max(self._keys)
        return str(newest), self._keys[newest]

    def rotate(self) -> str:
        """Draw a new key, which wraps from now on; return its id."""
        kek_id = max(self._keys) + 1
        write_key(self._directory / f"{kek_id}.key", secrets.token_bytes(KEY_BYTES))
        self._keys = _read_numbered(self._directory)
        return str(kek_id)

    def destroy_older(self) -> int:
        """Overwrite and remove all keys but the newest; return how many. Backups of them have to go too."""
        older = sorted(self._keys)[:-1]
        for kek_id in older:
            path = self._directory / f"{kek_id}.key"
            # in place and on disk before the name goes: truncating would leave the key in a freed block
            with path.open("r+b") as file:
                file.write(bytes(path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
        self._keys = _read_numbered(self._directory)
        return len(older)

    def by_id(self, kek_id: str) -> bytes | None:
        """Return a key's 32 bytes, or None when it was destroyed."""
        return self._keys.get(int(kek_id)) if kek_id.isdecimal() else None


def read_locator_secrets(directory: Path) -> Mapping[int, bytes]:
    """Return the consortium's locator secrets by epoch.

    Raises:
        KeyFileError: There is none, or one is damaged.
    """
    return _read_numbered(directory / "locator")


def _read_numbered(directory: Path) -> dict[int, bytes]:
    keys = _numbered(directory)
    if not keys:
        raise KeyFileError(str(directory), "holds no key; restore it from the key backup, or run `concord init`")
    return keys


def _numbered(directory: Path) -> dict[int, bytes]:
    return {int(path.stem): read_key(path) for path in directory.glob("*.key") if path.stem.isdecimal()}


class InstitutionKeys:
    """One institution's keys."""

    def __init__(self, directory: Path, institution: str) -> None:
        self._directory = directory / institution

    def read(self, name: str) -> bytes:
        """Return one of `INSTITUTION_KEYS`, 32 bytes.

        Raises:
            KeyFileError: It is missing or damaged.
        """
        return read_key(self._directory / name)

    def former_exchange_keys(self) -> tuple[bytes, ...]:
        """Return the exchange keys that were rotated out and are kept, the newest first.

        Raises:
            KeyFileError: One is damaged.
        """
        directory = self._directory / _FORMER_EXCHANGE
        kept = _numbered(directory)
        return tuple(kept[number] for number in sorted(kept, reverse=True))

    def rotate_exchange_key(self) -> None:
        """Draw a new exchange key and keep the present one among the former ones.

        Raises:
            KeyFileError: The present one is missing or damaged; nothing was changed.
        """
        present, kept = self.read(EXCHANGE_KEY), _numbered(self._directory / _FORMER_EXCHANGE)
        # first: a crash before the exchange leaves the present key twice, and rotating again goes on from there
        if present not in kept.values():
            write_key(self._directory / _FORMER_EXCHANGE / f"{max(kept, default=0) + 1}.key", present)
        path = self._directory / EXCHANGE_KEY
        beside = path.with_suffix(".new")
        beside.unlink(missing_ok=True)
        write_key(beside, secrets.token_bytes(KEY_BYTES))
        beside.replace(path)


def create_node_keys(directory: Path) -> None:
    """Draw the node's own keys; those that exist are kept."""
    for path in (directory / "node.key", directory / RELAY_KEY, directory / "kek" / "1.key"):
        if not path.exists():
            write_key(path, secrets.token_bytes(KEY_BYTES))


def create_institution_keys(directory: Path, institution: str) -> None:
    """Draw an institution's keys; those that exist are kept."""
    for name in INSTITUTION_KEYS:
        path = directory / institution / name
        if not path.exists():
            # a random 256-bit string is a valid secp256k1 key but for one in 2^128
            write_key(path, secrets.token_bytes(KEY_BYTES))


def keep_locator_secrets(directory: Path, secrets_by_epoch: Mapping[int, bytes]) -> None:
    """Write the consortium's locator secrets; those that exist are kept."""
    for epoch, secret in secrets_by_epoch.items():
        path = directory / "locator" / f"{epoch}.key"
        if not path.exists():
            write_key(path, secret)
