"""What a one-time link stands for, as a node seals it for itself (docs/spec/recognition.md, "Viewer").

Internal to a node: nobody else reads it. It repeats what its row says, so that a row that was moved or mixed opens nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from node.domain.entry import InstitutionId, LeafReference, Origin
from node.domain.recognition_acts import CheckId
from node.errors import MalformedJsonError
from node.wire.json_strict import check_document

_MAX_DEPTH = 6


@dataclass(frozen=True, slots=True)
class ViewTarget:
    """A result that a link shows."""

    leaf: LeafReference
    """The entry."""
    origin: Origin
    """The log in which it was found."""
    leaf_index: int
    """Its place there."""


@dataclass(frozen=True, slots=True)
class ViewText:
    """What a link stands for."""

    token_hash: bytes
    """SHA-256 of its token."""
    institution: InstitutionId
    """Whose clinician it is for."""
    check_id: CheckId
    """The check; it says which clinician."""
    order_id: str
    """The order line."""
    patient_system: str
    """Identifier system of the patient's number."""
    patient_number: str
    """The patient's number at the institution."""
    targets: tuple[ViewTarget, ...]
    """The results, exactly."""


def encode_view(view: ViewText) -> bytes:
    """Encode what a link stands for."""
    return msgspec.json.encode(view)


def parse_view(data: bytes) -> ViewText:
    """Parse what a link stands for.

    Raises:
        MalformedJsonError: It is something else.
    """
    check_document(data, _MAX_DEPTH)
    try:
        return msgspec.json.decode(data, type=ViewText)
    except msgspec.DecodeError as error:
        raise MalformedJsonError("/", f"not what it has to be: {type(error).__name__}") from error
