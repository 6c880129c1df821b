"""Patients as other members may know them: a random code, keys derived from it, blinded tags (FORMATS "Patient code")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NewType

PatientSeed = NewType("PatientSeed", bytes)
"""32 random bytes that only the patient holds; whoever has them can act for the patient."""

PatientCode = NewType("PatientCode", bytes)
"""32 bytes derived from the seed; whoever has them can look the patient up, and nothing more."""

LocatorTag = NewType("LocatorTag", bytes)
"""32 bytes in a leaf by which holders of an epoch or pairwise key find it; random to everyone else."""

EpochKeys = Mapping[int, bytes]
"""Epoch serial -> K_e, 32 bytes: finds entries of that epoch and reads their headers."""

_KEY_BYTES = 32
_MAX_EPOCH = 2**32 - 1


@dataclass(frozen=True, slots=True)
class PatientPublicKeys:
    """The two public keys beside a patient's code."""

    exchange: bytes
    """X25519, 32 bytes."""
    signing: bytes
    """Ed25519, 32 bytes."""

    def __post_init__(self) -> None:
        if len(self.exchange) != _KEY_BYTES or len(self.signing) != _KEY_BYTES:
            raise ValueError(f"a patient's public keys have {_KEY_BYTES} bytes each")


@dataclass(frozen=True, slots=True)
class PatientKeys:
    """What a hospital keeps of a patient; of a registered one never the code."""

    epoch_keys: EpochKeys
    """All that were released to this hospital; at least one."""
    exchange_public_key: bytes
    """The patient's X25519 public key, 32 bytes."""
    signing_public_key: bytes
    """The patient's Ed25519 public key, 32 bytes."""
    pseudonym: bytes | None
    """The person's pseudonym for supervision, 32 bytes; None until the code service has given one."""
    provisional_code: bytes | None
    """The code that this hospital drew itself, until it is handed over; else None."""

    def __post_init__(self) -> None:
        keys = [*self.epoch_keys.values(), self.exchange_public_key, self.signing_public_key]
        keys += [key for key in (self.pseudonym, self.provisional_code) if key is not None]
        if not self.epoch_keys or any(len(key) != _KEY_BYTES for key in keys):
            raise ValueError(f"a patient has at least one epoch key, and every key has {_KEY_BYTES} bytes")
        if any(not 0 <= epoch <= _MAX_EPOCH for epoch in self.epoch_keys):
            raise ValueError("an epoch serial is an unsigned 32-bit number")
