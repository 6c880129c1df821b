"""The patient's file, as commands read and write it: readable by its owner alone, a seed as `concord patient new` draws it too."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Final

from node.cli.failures import UnreadableFileError
from node.cli.files import write_file
from node.domain.patient import PatientSeed
from node.wire.patient.file import MAX_PATIENT_FILE_BYTES, PatientFile, encode_patient_file, parse_patient_file

_MODE: Final = 0o600
_SEED: Final = re.compile(rb"\s*([0-9a-f]{64})\s*")


def read_patient(path: Path) -> PatientFile:
    """Read a patient's file; a bare seed is a file without epoch keys.

    Raises:
        UnreadableFileError: It is missing, or others can read it.
        MalformedPatientFileError: It is none.
    """
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UnreadableFileError(f"{path} is accessible to others; run `chmod 600` on it")
        with path.open("rb") as file:
            content = file.read(MAX_PATIENT_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise UnreadableFileError(f"{path}: there is no patient's file; `concord patient keep` makes one from a seed") from error
    seed = _SEED.fullmatch(content)
    return parse_patient_file(content) if seed is None else PatientFile(PatientSeed(bytes.fromhex(seed[1].decode())), {})


def write_patient(path: Path, file: PatientFile) -> None:
    """Write a patient's file, readable by its owner alone."""
    write_file(path, encode_patient_file(file), mode=_MODE)
