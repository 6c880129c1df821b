"""The label file: TOML version 1, `node/data/labels.toml` (docs/spec/locator.md, "Sensitivity").

Left out: what a label opens (consents), where a record bears it (`node.wire.fhir.records`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from node.domain.labels import LabelTable, SensitivityLabel
from node.errors import MalformedKindError, UnknownFormatError

LABEL_FILE_VERSION: Final = 1
PACKAGED_LABELS: Final = Path(__file__).parent.parent / "data" / "labels.toml"
"""The labels that come with the node; part of the package, like its code."""


class _System(msgspec.Struct, forbid_unknown_fields=True):
    names: list[str]
    codes: dict[str, list[str]]


class _LabelFile(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    systems: list[_System]


def load_labels(path: Path = PACKAGED_LABELS) -> LabelTable:
    """Read the label file, by default of the package.

    Raises:
        MalformedKindError: It is no label file, or a code has two labels.
        UnknownFormatError: A version that this release does not know.
    """
    return parse_labels(path.name, path.read_bytes())


def parse_labels(name: str, data: bytes) -> LabelTable:
    """Parse a label file, given with its name.

    Raises:
        MalformedKindError: It is no label file, or a code has two labels.
        UnknownFormatError: A version that this release does not know.
    """
    try:
        file = msgspec.toml.decode(data, type=_LabelFile)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedKindError(name, str(error)) from error
    if file.version != LABEL_FILE_VERSION:
        raise UnknownFormatError(f"label file version in {name}", file.version)
    labels: dict[tuple[str, str], SensitivityLabel] = {}
    for system in file.systems:
        for label, codes in system.codes.items():
            for place in ((system_name, code) for system_name in system.names for code in codes):
                if place in labels:
                    raise MalformedKindError(name, f"code {place[1]} has two labels in one system")
                labels[place] = SensitivityLabel(label)
    return LabelTable(labels)
