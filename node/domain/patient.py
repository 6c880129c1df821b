"""Patients as other members may know them: a random code, keys derived from it, blinded tags (FORMATS "Patient code")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NewType

PatientSeed = NewType("PatientSeed", bytes)
"""32 random bytes that only the patient holds; whoever has them can act for the patient."""

PatientCode = NewType("PatientCode", bytes)
"""32 bytes derived from the seed; whoever has them can look the patient up, and nothing more."""

EpochKey = NewType("EpochKey", bytes)
"""K_e, 32 bytes: derived from the code and one epoch's locator secret; finds and reads headers of that epoch."""

PairwiseKey = NewType("PairwiseKey", bytes)
"""K_r, 32 bytes: shared by one institution and one patient; finds and reads class 1 headers between them."""

PersonPseudonym = NewType("PersonPseudonym", bytes)
"""32 bytes by which supervision, and nobody else, tells persons apart."""

LocatorTag = NewType("LocatorTag", bytes)
"""32 bytes in a leaf by which holders of an epoch or pairwise key find it; random to everyone else."""

EpochKeys = Mapping[int, EpochKey]
"""Epoch serial -> K_e."""


@dataclass(frozen=True, slots=True)
class PatientPublicKeys:
    """The two public keys beside a patient's code."""

    exchange: bytes
    """X25519, 32 bytes."""
    signing: bytes
    """Ed25519, 32 bytes."""


@dataclass(frozen=True, slots=True)
class PatientKeys:
    """What a hospital keeps of a patient: not the code."""

    epoch_keys: EpochKeys
    """All that were released to this hospital, by epoch."""
    exchange_key: bytes
    """The patient's X25519 public key, 32 bytes."""
    signing_key: bytes
    """The patient's Ed25519 public key, 32 bytes."""
    pseudonym: PersonPseudonym
    """For supervision."""
