"""Patient codes and what derives from them (FORMATS "Patient code and locator", docs/spec/patient-code.md).

The seed is the patient's; code, key pairs and epoch keys derive from it one way only. Nothing derives from the number
of an identity document: any member could then enumerate the population. Left out: tags (`node.wire.locator`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Final

from nacl.bindings import crypto_scalarmult_base, crypto_sign_seed_keypair

from node.domain.patient import PatientCode, PatientKeys, PatientPublicKeys, PatientSeed
from node.identity.hkdf import hkdf_sha256

SEED_BYTES: Final = 32
LOCATOR_SECRET_BYTES: Final = 32

_CODE_LABEL: Final = b"concord/code/v1"
_EXCHANGE_LABEL: Final = b"concord/patient-exchange-key/v1"
_SIGNING_LABEL: Final = b"concord/patient-signing-key/v1"
_LOCATOR_LABEL: Final = b"concord/locator/v1"
_PERSON_LABEL: Final = b"concord/person/v1"


def draw_seed(entropy: Callable[[int], bytes] = os.urandom) -> PatientSeed:
    """Draw a patient's seed."""
    return PatientSeed(entropy(SEED_BYTES))


def patient_code(seed: PatientSeed) -> PatientCode:
    """Derive a patient's code."""
    return PatientCode(hkdf_sha256(_checked(seed), _CODE_LABEL))


def exchange_private_key(seed: PatientSeed) -> bytes:
    """Derive the patient's X25519 private key, 32 bytes."""
    return hkdf_sha256(_checked(seed), _EXCHANGE_LABEL)


def signing_key_seed(seed: PatientSeed) -> bytes:
    """Derive the 32-byte seed (RFC 8032 section 5.1.5) of the patient's Ed25519 key."""
    return hkdf_sha256(_checked(seed), _SIGNING_LABEL)


def public_keys(seed: PatientSeed) -> PatientPublicKeys:
    """Derive the patient's public keys."""
    signing, _ = crypto_sign_seed_keypair(signing_key_seed(seed))
    return PatientPublicKeys(crypto_scalarmult_base(exchange_private_key(seed)), signing)


def epoch_key(code: PatientCode, locator_secret: bytes, epoch: int) -> bytes:
    """Derive K_e, 32 bytes.

    Args:
        code: The patient's.
        locator_secret: The consortium's secret of that epoch, 32 bytes.
        epoch: Its serial, u32.

    Raises:
        ValueError: The locator secret has another length.
    """
    if len(locator_secret) != LOCATOR_SECRET_BYTES:
        raise ValueError(f"a locator secret has {LOCATOR_SECRET_BYTES} bytes, not {len(locator_secret)}")
    return hkdf_sha256(code, _LOCATOR_LABEL + epoch.to_bytes(4, "big"), locator_secret)


def person_pseudonym(code: PatientCode, regulator_id: str) -> bytes:
    """Derive the 32 bytes by which one regulator tells persons apart."""
    return hkdf_sha256(code, _PERSON_LABEL + regulator_id.encode())


def keys_of_seed(
    seed: PatientSeed,
    locator_secrets: Mapping[int, bytes],
    *,
    provisional: bool,
    regulator_id: str | None = None,
) -> PatientKeys:
    """Derive what a hospital keeps of a patient.

    Args:
        seed: The patient's; not kept.
        locator_secrets: The consortium's, by epoch; at least one.
        provisional: Whether this hospital drew the code itself and keeps it until it is handed over.
        regulator_id: For whom the pseudonym is; None leaves it to the code service.

    Raises:
        ValueError: No locator secret, or one of another length.
    """
    code, public = patient_code(seed), public_keys(seed)
    return PatientKeys(
        epoch_keys={epoch: epoch_key(code, secret, epoch) for epoch, secret in locator_secrets.items()},
        exchange_public_key=public.exchange,
        signing_public_key=public.signing,
        pseudonym=None if regulator_id is None else person_pseudonym(code, regulator_id),
        provisional_code=code if provisional else None,
    )


def _checked(seed: bytes) -> bytes:
    if len(seed) != SEED_BYTES:
        raise ValueError(f"a patient's seed has {SEED_BYTES} bytes, not {len(seed)}")
    return seed
