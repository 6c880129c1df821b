"""Signed notes: C2SP signed-note, its text form, verifier keys, and Ed25519 signatures (type 0x01).

Parsing is strict: canonical base64 only, no control characters, no malformed signature line, so that every accepted
note encodes to the same bytes again. Signatures of unknown keys are ignored; one bad signature of a known key refuses
the note. A key may appear on several lines; each must then verify.

Left out: signature types 0x02 (ECDSA), 0x05 (RFC 6962 tree heads) and 0x06 (ML-DSA-44); type 0x04 is in
`ledger.cosignatures`.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, Protocol

from ledger.errors import MalformedKeyError, MalformedNoteError, SignatureError, UnsupportedAlgorithmError

ED25519: Final = 0x01
COSIGNATURE_V1: Final = 0x04
KEY_ID_BYTES: Final = 4
ED25519_KEY_BYTES: Final = 32
ED25519_SIGNATURE_BYTES: Final = 64
MAX_NOTE_BYTES: Final = 1_000_000
MAX_SIGNATURES: Final = 100

_LINE_START: Final = "\u2014 "
_KNOWN_ALGORITHMS: Final = frozenset({ED25519, COSIGNATURE_V1})
_HEX_DIGITS: Final = frozenset("0123456789abcdef")
_NOT_IN_NAMES: Final = re.compile("[\\s+\x00-\x1f\ud800-\udfff]")
_NOT_IN_TEXT: Final = re.compile("[\x00-\x09\x0b-\x1f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key under the name by which its signatures are found."""

    name: str
    """Key name; for a log's own key its origin."""
    key_id: bytes
    """First 4 bytes of SHA-256(name · newline · algorithm · public key)."""
    algorithm: int
    """Signature type byte: 0x01 Ed25519, 0x04 cosignature/v1."""
    public_key: bytes
    """32-byte Ed25519 public key (RFC 8032)."""

    def __post_init__(self) -> None:
        check_key_name(self.name)
        if self.algorithm not in _KNOWN_ALGORITHMS:
            raise MalformedKeyError("verifier key", f"unknown signature type {self.algorithm}")
        if len(self.public_key) != ED25519_KEY_BYTES:
            raise MalformedKeyError("verifier key", f"the public key has {len(self.public_key)} bytes instead of 32")
        if self.key_id != derive_key_id(self.name, self.algorithm, self.public_key):
            raise MalformedKeyError("verifier key", "the key id is not the hash of name, type and public key")


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line."""

    name: str
    """Name of the key that signed."""
    key_id: bytes
    """Id of the key that signed, 4 bytes."""
    signature: bytes
    """What the key's algorithm made of the text; at least one byte."""

    def __post_init__(self) -> None:
        check_key_name(self.name)
        if len(self.key_id) != KEY_ID_BYTES or not self.signature:
            raise MalformedNoteError("signature line", "the key id is not 4 bytes long or the signature is empty")


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A text and the signatures on it, none of them verified."""

    text: str
    """The signed text, with its final newline."""
    signatures: tuple[NoteSignature, ...]
    """The signature lines in their order, at least one."""

    def __post_init__(self) -> None:
        _check_text(self.text)
        if not 1 <= len(self.signatures) <= MAX_SIGNATURES:
            raise MalformedNoteError("note", f"{len(self.signatures)} signatures; a note has 1 to {MAX_SIGNATURES}")


class Signer(Protocol):
    """Whatever signs texts under one verifier key."""

    @property
    def verifier_key(self) -> VerifierKey:
        """The key that verifies what this signs."""
        ...

    def sign(self, text: str) -> bytes:
        """Sign a note's text.

        Returns:
            The signature alone, without the key id.
        """
        ...


class Ed25519Secret:
    """An Ed25519 private key that shows itself to nobody."""

    __slots__ = ("_secret_key", "public_key")

    def __init__(self, seed: bytes) -> None:
        """Load a 32-byte private seed (RFC 8032).

        Raises:
            MalformedKeyError: The seed is not 32 bytes long.
        """
        from nacl.bindings import crypto_sign_seed_keypair  # noqa: PLC0415 - parsing needs no libsodium

        if len(seed) != ED25519_KEY_BYTES:
            raise MalformedKeyError("seed", f"{len(seed)} bytes instead of 32")
        self.public_key, self._secret_key = crypto_sign_seed_keypair(seed)

    def sign(self, message: bytes) -> bytes:
        """Sign a message into a 64-byte signature."""
        from nacl.bindings import crypto_sign  # noqa: PLC0415 - parsing needs no libsodium

        return crypto_sign(message, self._secret_key)[:ED25519_SIGNATURE_BYTES]


class NoteSigner:
    """An Ed25519 private key that signs notes under one name."""

    __slots__ = ("_secret", "_verifier_key")

    def __init__(self, name: str, secret: Ed25519Secret) -> None:
        self._verifier_key = make_verifier_key(name, ED25519, secret.public_key)
        self._secret = secret

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> NoteSigner:
        """Make the signer of a 32-byte private seed (RFC 8032).

        Raises:
            MalformedKeyError: The name is no key name, or the seed is not 32 bytes long.
        """
        return cls(name, Ed25519Secret(seed))

    @property
    def verifier_key(self) -> VerifierKey:
        """The key that verifies what this signs."""
        return self._verifier_key

    def sign(self, text: str) -> bytes:
        """Sign a note's text into a 64-byte signature."""
        return self._secret.sign(text.encode())


# Keys


def check_key_name(name: str) -> None:
    """Check that a key name is not empty and has no space, plus sign, control character or lone surrogate.

    Raises:
        MalformedKeyError: It is or has.
    """
    if not name:
        raise MalformedKeyError("key name", "it is empty")
    if _NOT_IN_NAMES.search(name):
        raise MalformedKeyError("key name", "it has a space, a plus sign or a control character")


def derive_key_id(name: str, algorithm: int, public_key: bytes) -> bytes:
    """Derive the 4-byte id of a key."""
    return sha256(b"%b\n%c%b" % (name.encode(), algorithm, public_key)).digest()[:KEY_ID_BYTES]


def make_verifier_key(name: str, algorithm: int, public_key: bytes) -> VerifierKey:
    """Make the verifier key of a public key, deriving its id.

    Raises:
        MalformedKeyError: Name, algorithm or public key are not what a verifier key takes.
    """
    check_key_name(name)
    return VerifierKey(name, derive_key_id(name, algorithm, public_key), algorithm, public_key)


def parse_verifier_key(text: str) -> VerifierKey:
    """Parse a vkey: `name+hex(key id)+base64(algorithm · public key)`.

    Raises:
        MalformedKeyError: Not that, not its only spelling, or of an algorithm that this release does not know.
    """
    name, *rest = text.split("+", 2)
    if len(rest) != 2:  # noqa: PLR2004 - name, id, key
        raise MalformedKeyError("verifier key", "not of the form name+id+key")
    key_id, encoded = rest
    if len(key_id) != 2 * KEY_ID_BYTES or not _HEX_DIGITS.issuperset(key_id):
        raise MalformedKeyError("verifier key", "the key id is not 8 lowercase hex digits")
    material = decode_base64(encoded)
    if not material:
        raise MalformedKeyError("verifier key", "the key is not canonical base64 of an algorithm and a public key")
    return VerifierKey(name, bytes.fromhex(key_id), material[0], material[1:])


def encode_verifier_key(key: VerifierKey) -> str:
    """Spell a verifier key as a vkey."""
    material = bytes([key.algorithm]) + key.public_key
    return f"{key.name}+{key.key_id.hex()}+{b64encode(material).decode()}"


# Notes


def parse_note(data: bytes) -> SignedNote:
    """Parse a signed note, verifying nothing.

    Raises:
        MalformedNoteError: Not a note, or longer than 1,000,000 bytes, or with more than 100 signatures.
    """
    if len(data) > MAX_NOTE_BYTES:
        raise MalformedNoteError("note", f"{len(data)} bytes; {MAX_NOTE_BYTES} is the limit")
    try:
        whole = data.decode()
    except UnicodeDecodeError as error:
        raise MalformedNoteError("note", f"byte {error.start} is not UTF-8") from error
    above, gap, below = whole.rpartition("\n\n")
    if not gap or not below.endswith("\n"):
        raise MalformedNoteError("note", "no blank line, or no signature line after the last one")
    return SignedNote(above + "\n", parse_signatures(below))


def encode_note(note: SignedNote) -> bytes:
    """Encode a signed note."""
    return f"{note.text}\n{encode_signatures(note.signatures)}".encode()


def encode_signatures(signatures: Iterable[NoteSignature]) -> str:
    """Encode signature lines alone, each with its newline, as witnesses answer them."""
    return "".join(f"{_LINE_START}{s.name} {b64encode(s.key_id + s.signature).decode()}\n" for s in signatures)


def parse_signatures(text: str) -> tuple[NoteSignature, ...]:
    """Parse signature lines alone, verifying nothing.

    Raises:
        MalformedNoteError: Not 1 to 100 whole signature lines.
    """
    *lines, end = text.split("\n")
    if end or not 1 <= len(lines) <= MAX_SIGNATURES:
        raise MalformedNoteError("signature lines", f"not 1 to {MAX_SIGNATURES} lines that end in a newline")
    return tuple(_parse_signature_line(line) for line in lines)


def sign_note(text: str, *signers: Signer) -> bytes:
    """Sign a text with one or more keys, in their order, and encode the note.

    Raises:
        MalformedNoteError: The text does not end in a newline or has control characters, or there is no signer.
    """
    _check_text(text)
    keys = [(signer.verifier_key, signer.sign(text)) for signer in signers]
    signatures = tuple(NoteSignature(key.name, key.key_id, signature) for key, signature in keys)
    return encode_note(SignedNote(text, signatures))


def add_signatures(note: SignedNote, *signatures: NoteSignature) -> SignedNote:
    """Add signature lines below those of a note, leaving out exact repetitions.

    Raises:
        MalformedNoteError: The note would have more than 100 signatures.
    """
    return replace(note, signatures=tuple(dict.fromkeys((*note.signatures, *signatures))))


def verify_note(note: SignedNote, keys: Iterable[VerifierKey]) -> tuple[VerifierKey, ...]:
    """Verify the signatures of Ed25519 keys on a note.

    Returns:
        The given keys that signed, in the order given, at least one.

    Raises:
        SignatureError: A signature of a given key fails, or none of the keys signed.
        UnsupportedAlgorithmError: One of the keys is not of type 0x01.
    """
    message = note.text.encode()
    signed = []
    for key in keys:
        if key.algorithm != ED25519:
            raise UnsupportedAlgorithmError(key.algorithm, "use verify_cosignature for cosignature keys")
        signatures = signatures_of(note, key)
        for signature in signatures:
            verify_ed25519(key, signature, message)
        if signatures:
            signed.append(key)
    if not signed:
        raise SignatureError("none of the known keys signed this note")
    return tuple(signed)


def signatures_of(note: SignedNote, key: VerifierKey) -> list[bytes]:
    """Return the signatures that a note carries under a key's name and id, unverified."""
    return [s.signature for s in note.signatures if s.key_id == key.key_id and s.name == key.name]


def verify_ed25519(key: VerifierKey, signature: bytes, message: bytes) -> None:
    """Verify one Ed25519 signature over a message; public keys and points of small order are refused.

    Raises:
        SignatureError: It does not verify, or is not 64 bytes long.
    """
    # libsodium verifies twice as fast as OpenSSL; it is loaded here because parsing needs neither.
    from nacl.bindings import crypto_sign_open  # noqa: PLC0415 - see above
    from nacl.exceptions import BadSignatureError  # noqa: PLC0415 - see above

    # libsodium takes signature and message in one piece: another length would move the border between them.
    if len(signature) != ED25519_SIGNATURE_BYTES:
        raise SignatureError(f"the signature of key {key.name!r} is not 64 bytes long", key.name)
    try:
        crypto_sign_open(signature + message, key.public_key)
    except BadSignatureError as error:
        raise SignatureError(f"the signature of key {key.name!r} does not verify", key.name) from error


# Pieces that the other formats share


def decode_base64(text: str) -> bytes | None:
    """Decode base64 (RFC 4648 section 4) in its one canonical spelling; None where it is not that."""
    try:
        data = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        return None
    return data if b64encode(data).decode() == text else None


def _check_text(text: str) -> None:
    if not text.endswith("\n"):
        raise MalformedNoteError("note text", "it does not end in a newline")
    if _NOT_IN_TEXT.search(text):
        raise MalformedNoteError("note text", "it has a control character other than newline, or a lone surrogate")


def _parse_signature_line(line: str) -> NoteSignature:
    if not line.startswith(_LINE_START):
        raise MalformedNoteError("signature line", "it does not start with an em dash and a space")
    name, gap, encoded = line[len(_LINE_START) :].partition(" ")
    data = decode_base64(encoded)
    if not gap or data is None or len(data) <= KEY_ID_BYTES:
        raise MalformedNoteError("signature line", "no canonical base64 of a key id and a signature after the name")
    try:
        return NoteSignature(name, data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])
    except MalformedKeyError as error:
        raise MalformedNoteError("signature line", error.reason) from error
