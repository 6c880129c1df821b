"""Cosignatures: C2SP tlog-cosignature, `cosignature/v1` with Ed25519 (type 0x04).

A cosigner states that, at a time, this was the largest consistent tree that it had seen of that log.
Left out: ML-DSA-44 (type 0x06), and when to cosign (`ledger.witness`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ledger.checkpoints import parse_checkpoint
from ledger.errors import OutOfRangeError, SignatureError, UnsupportedAlgorithmError
from ledger.notes import (
    COSIGNATURE_V1,
    ED25519_SIGNATURE_BYTES,
    Ed25519Secret,
    NoteSignature,
    SignedNote,
    VerifierKey,
    make_verifier_key,
    signatures_of,
    verify_ed25519,
)

MAX_TIMESTAMP_S: Final = 2**63 - 1

_TIMESTAMP_BYTES: Final = 8


class Cosigner:
    """An Ed25519 private key that cosigns checkpoints of others under one name."""

    __slots__ = ("_secret", "_verifier_key")

    def __init__(self, name: str, secret: Ed25519Secret) -> None:
        self._verifier_key = make_verifier_key(name, COSIGNATURE_V1, secret.public_key)
        self._secret = secret

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> Cosigner:
        """Make the cosigner of a 32-byte private seed (RFC 8032), which must sign nothing else.

        Raises:
            MalformedKeyError: The name is no key name, or the seed is not 32 bytes long.
        """
        return cls(name, Ed25519Secret(seed))

    @property
    def verifier_key(self) -> VerifierKey:
        """The key that verifies what this cosigns."""
        return self._verifier_key

    def cosign(self, checkpoint_text: str, time_s: int) -> NoteSignature:
        """Cosign a checkpoint that was verified to be consistent with all that this cosigner saw of its log.

        Args:
            checkpoint_text: The text of the checkpoint's note.
            time_s: Seconds since the Unix epoch.

        Raises:
            MalformedCheckpointError: The text is no checkpoint.
            OutOfRangeError: The time is before the epoch or beyond 2^63 - 1.
        """
        parse_checkpoint(checkpoint_text)
        if not 0 <= time_s <= MAX_TIMESTAMP_S:
            raise OutOfRangeError(f"{time_s} s is not a time that a cosignature can carry")
        signature = self._secret.sign(_message(checkpoint_text, time_s))
        timestamped = time_s.to_bytes(_TIMESTAMP_BYTES, "big") + signature
        return NoteSignature(self._verifier_key.name, self._verifier_key.key_id, timestamped)


def verify_cosignature(note: SignedNote, key: VerifierKey) -> int:
    """Verify a cosigner's signature on a checkpoint.

    Where the cosigner signed more than once, all have to verify, and the latest counts.

    Returns:
        When it was cosigned, in seconds since the Unix epoch, as the cosigner says.

    Raises:
        SignatureError: The cosigner did not sign, or a signature of it fails.
        MalformedCheckpointError: The note's text is no checkpoint.
        UnsupportedAlgorithmError: The key is not of type 0x04.
    """
    times = verify_cosignatures(note, (key,))
    if key not in times:
        raise SignatureError(f"cosigner {key.name!r} did not sign this checkpoint", key.name)
    return times[key]


def verify_cosignatures(note: SignedNote, keys: Iterable[VerifierKey]) -> dict[VerifierKey, int]:
    """Verify the signatures of those known cosigners that signed a checkpoint; a quorum is the caller's to count.

    Returns:
        The cosigners that signed, with the latest time of each in seconds since the Unix epoch; possibly none.

    Raises:
        SignatureError: A signature of a known cosigner fails.
        MalformedCheckpointError: The note's text is no checkpoint.
        UnsupportedAlgorithmError: One of the keys is not of type 0x04.
    """
    parse_checkpoint(note.text)
    times: dict[VerifierKey, int] = {}
    for key in keys:
        if key.algorithm != COSIGNATURE_V1:
            raise UnsupportedAlgorithmError(key.algorithm, "use verify_note for log keys")
        signed = [_verify_timestamped(note.text, key, signature) for signature in signatures_of(note, key)]
        if signed:
            times[key] = max(signed)
    return times


def _verify_timestamped(text: str, key: VerifierKey, timestamped: bytes) -> int:
    if len(timestamped) != _TIMESTAMP_BYTES + ED25519_SIGNATURE_BYTES:
        raise SignatureError(f"the cosignature of {key.name!r} is not a timestamp and a signature", key.name)
    time_s = int.from_bytes(timestamped[:_TIMESTAMP_BYTES], "big")
    if time_s > MAX_TIMESTAMP_S:
        raise SignatureError(f"the cosignature of {key.name!r} has a timestamp beyond 2^63 - 1", key.name)
    verify_ed25519(key, timestamped[_TIMESTAMP_BYTES:], _message(text, time_s))
    return time_s


def _message(checkpoint_text: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{checkpoint_text}".encode()
