"""The bytes of `PatientKeys`, as a node seals them for itself (docs/spec/patient-code.md, "Kept keys").

version u8 = 1 · flags u8 (1: pseudonym, 2: provisional code) · exchange key 32 · signing key 32 · pseudonym 32 if
flagged · provisional code 32 if flagged · u16 count · count times u32 epoch · K_e 32, epochs rising.
Left out: the seal itself, which is the node's own key's.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from node.domain.patient import PatientKeys
from node.errors import MalformedPatientKeysError, UnknownFormatError

_VERSION: Final = 1
_KEY_BYTES: Final = 32
_EPOCH_BYTES: Final = 4 + _KEY_BYTES
_HAS_PSEUDONYM: Final = 1
_HAS_CODE: Final = 2
_HEAD_BYTES: Final = 2


def encode_patient_keys(keys: PatientKeys) -> bytes:
    """Encode a patient's keys, epochs in rising order."""
    flags = (_HAS_PSEUDONYM if keys.pseudonym else 0) | (_HAS_CODE if keys.provisional_code else 0)
    return b"".join(
        (
            bytes((_VERSION, flags)),
            keys.exchange_public_key,
            keys.signing_public_key,
            keys.pseudonym or b"",
            keys.provisional_code or b"",
            len(keys.epoch_keys).to_bytes(2, "big"),
            *(epoch.to_bytes(4, "big") + key for epoch, key in sorted(keys.epoch_keys.items())),
        )
    )


def parse_patient_keys(data: bytes) -> PatientKeys:
    """Parse a patient's keys.

    Raises:
        MalformedPatientKeysError: Another length than it says, unknown flags, or epochs that do not rise.
        UnknownFormatError: A version that this release does not know.
    """
    if data[:1] != bytes((_VERSION,)):
        raise UnknownFormatError("patient keys version", data[0] if data else None)
    flags = data[1] if len(data) > 1 else 0
    if flags & ~(_HAS_PSEUDONYM | _HAS_CODE):
        raise MalformedPatientKeysError(f"patient keys: unknown flags {flags:#04x}")
    keys = [data[at : at + _KEY_BYTES] for at in range(_HEAD_BYTES, _head_end(flags), _KEY_BYTES)]
    start = _head_end(flags) + 2
    count = int.from_bytes(data[start - 2 : start], "big")
    if not count or len(data) != start + count * _EPOCH_BYTES:
        raise MalformedPatientKeysError(f"patient keys: {len(data)} bytes do not hold {count} epoch keys")
    rows = [data[at : at + _EPOCH_BYTES] for at in range(start, len(data), _EPOCH_BYTES)]
    epochs = [int.from_bytes(row[:4], "big") for row in rows]
    if any(after <= before for before, after in pairwise(epochs)):
        raise MalformedPatientKeysError("patient keys: epochs do not rise")
    exchange, signing, *others = keys
    return PatientKeys(
        epoch_keys={epoch: row[4:] for epoch, row in zip(epochs, rows, strict=True)},
        exchange_public_key=exchange,
        signing_public_key=signing,
        pseudonym=others[0] if flags & _HAS_PSEUDONYM else None,
        provisional_code=others[-1] if flags & _HAS_CODE else None,
    )


def _head_end(flags: int) -> int:
    return _HEAD_BYTES + _KEY_BYTES * (2 + flags.bit_count())
