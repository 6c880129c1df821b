"""What a patient's own tool keeps: the seed, and the epoch keys that the code service gave (docs/spec/patient-code.md "File").

Media type `application/vnd.concord.patient+json`, version 1. Whoever has the file can act for the patient: it is written
readable by its owner alone and never leaves the patient's device. Left out: what derives from it (`identity.codes`).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger.notes import decode_base64
from node.domain.patient import EpochKeys, PatientSeed
from node.errors import MalformedJsonError, MalformedPatientFileError, UnknownFormatError
from node.identity.codes import SEED_BYTES
from node.wire.json_strict import check_document

FORMAT: Final = "concord/patient"
FORMAT_VERSION: Final = 1
MAX_PATIENT_FILE_BYTES: Final = 1_000_000

_MAX_DEPTH: Final = 3
_KEY_BYTES: Final = 32
_MAX_EPOCH: Final = 2**32 - 1
_Epoch = Annotated[str, Meta(pattern=r"\A(0|[1-9][0-9]{0,9})\Z")]


@dataclass(frozen=True, slots=True)
class PatientFile:
    """A patient's secrets."""

    seed: PatientSeed = field(repr=False)
    """Everything derives from it."""
    epoch_keys: EpochKeys = field(repr=False)
    """Epoch serial -> K_e; empty until the code service has given one."""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    format: str
    version: int
    seed: str
    epoch_keys: dict[_Epoch, str]


class _Version(msgspec.Struct):
    format: str
    version: int


def parse_patient_file(data: bytes) -> PatientFile:
    """Parse a patient's file.

    Raises:
        MalformedPatientFileError: It is none; the message repeats nothing of it.
        UnknownFormatError: A version that this release does not know.
    """
    try:
        check_document(data[: MAX_PATIENT_FILE_BYTES + 1], _MAX_DEPTH)
        head = msgspec.json.decode(data, type=_Version)
        if head.format != FORMAT:
            raise MalformedPatientFileError(f"format is not {FORMAT!r}")
        if head.version != FORMAT_VERSION:
            raise UnknownFormatError("patient file version", head.version)
        file = msgspec.json.decode(data, type=_File)
    except (MalformedJsonError, msgspec.MsgspecError) as error:
        # a decoder's message names places and types, never values
        raise MalformedPatientFileError(str(error)) from error
    keys = {int(epoch): _key(text, f"epoch_keys[{epoch}]") for epoch, text in file.epoch_keys.items()}
    if any(epoch > _MAX_EPOCH for epoch in keys):
        raise MalformedPatientFileError("epoch_keys: a serial is an unsigned 32-bit number")
    return PatientFile(PatientSeed(_key(file.seed, "seed", SEED_BYTES)), keys)


def encode_patient_file(file: PatientFile) -> bytes:
    """Encode a patient's file; to be written readable by its owner alone."""
    keys: Mapping[str, str] = {str(epoch): b64encode(key).decode() for epoch, key in sorted(file.epoch_keys.items())}
    shape = _File(FORMAT, FORMAT_VERSION, b64encode(file.seed).decode(), dict(keys))
    return msgspec.json.format(msgspec.json.encode(shape), indent=2) + b"\n"


def _key(text: str, place: str, length: int = _KEY_BYTES) -> bytes:
    data = decode_base64(text)
    if data is None or len(data) != length:
        raise MalformedPatientFileError(f"{place}: not canonical base64 of {length} bytes")
    return data
