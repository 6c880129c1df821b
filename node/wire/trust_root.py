"""The trust root: what a verifier believes of the consortium, in one signed file (FORMATS, docs/spec/trust-root.md).

The file is a C2SP signed note whose text is JSON (`node.wire.trust_root_json`) and a newline, signed by M of N signers.
Whoever pins the first one trusts it for having it; after that only its own signers can replace it.
Left out: fetching updates, and validators' seals, which `validators` has the place for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from ledger.errors import MalformedNoteError
from ledger.errors import SignatureError as NoteSignatureError
from ledger.notes import (
    NoteSignature,
    NoteSigner,
    SignedNote,
    add_signatures,
    encode_note,
    parse_note,
    sign_note,
    verify_note,
)
from node.domain.trust import TrustRoot
from node.errors import (
    MalformedTrustRootError,
    TrustRootExpiredError,
    TrustRootSerialError,
    TrustRootSignatureError,
)
from node.wire.trust_root_json import encode_root_text, parse_root_text

__all__ = [
    "TrustRoot",
    "add_trust_root_signatures",
    "parse_trust_root",
    "sign_trust_root",
    "update_trust_root",
    "verify_trust_root",
]


def sign_trust_root(root: TrustRoot, signers: Sequence[NoteSigner]) -> bytes:
    """Sign a trust root and encode the file; further signatures may be added with `add_trust_root_signatures`.

    Raises:
        MalformedTrustRootError: The root contradicts itself.
        MalformedNoteError: There is no signer.
    """
    return sign_note(encode_root_text(root), *signers)


def add_trust_root_signatures(data: bytes, signers: Iterable[NoteSigner]) -> bytes:
    """Add signatures to a file that others have signed.

    Raises:
        MalformedTrustRootError: The file is no trust root.
    """
    note = _parse_file(data)
    parse_root_text(note.text)
    keys = [(signer.verifier_key, signer.sign(note.text)) for signer in signers]
    return encode_note(add_signatures(note, *(NoteSignature(key.name, key.key_id, by) for key, by in keys)))


def parse_trust_root(data: bytes) -> TrustRoot:
    """Parse a trust root that enough of its own signers signed.

    Whether to believe it is the caller's: pin it, or come to it by `update_trust_root`.

    Raises:
        MalformedTrustRootError: Not a trust root, or one that contradicts itself.
        UnknownFormatError: A version that this release does not know.
        TrustRootSignatureError: Too few of its own signers signed.
    """
    note = _parse_file(data)
    root = parse_root_text(note.text)
    _check_signatures(note, root, "its own signers")
    return root


def verify_trust_root(root: TrustRoot, now: datetime) -> None:
    """Check that a trust root may be used at a time (aware).

    Raises:
        TrustRootExpiredError: Its time is over.
    """
    if now >= root.expires_at:
        raise TrustRootExpiredError(root.serial, root.expires_at.isoformat())


def update_trust_root(old: TrustRoot, new_bytes: bytes) -> TrustRoot:
    """Parse a newer trust root and check that the old one's signers handed over to it. An expired root can be updated.

    Raises:
        MalformedTrustRootError: Not a trust root.
        UnknownFormatError: A version that this release does not know.
        TrustRootSerialError: Its serial is not greater.
        TrustRootSignatureError: Too few of the old signers, or of its own, signed it.
    """
    note = _parse_file(new_bytes)
    root = parse_root_text(note.text)
    if root.serial <= old.serial:
        raise TrustRootSerialError(old.serial, root.serial)
    _check_signatures(note, old, f"the signers of serial {old.serial}")
    _check_signatures(note, root, "its own signers")
    return root


def _parse_file(data: bytes) -> SignedNote:
    try:
        return parse_note(data)
    except MalformedNoteError as error:
        raise MalformedTrustRootError(f"trust root: {error}") from error


def _check_signatures(note: SignedNote, root: TrustRoot, whose: str) -> None:
    try:
        signed = len(verify_note(note, root.signers))
    except NoteSignatureError as error:
        raise TrustRootSignatureError(whose, 0, root.threshold) from error
    if signed < root.threshold:
        raise TrustRootSignatureError(whose, signed, root.threshold)
