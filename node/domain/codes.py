"""The code service's words: identity documents, operations on codes, custodians (docs/spec/code-service.md)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType

from node.domain.entry import InstitutionId

CODE_SERVICE_ROLE: Final = "code-service"
"""The role on chain."""
TREATING_ROLES: Final = frozenset({"hospital", "primary-care", "diagnostic-centre", CODE_SERVICE_ROLE})
"""Who may ask for codes and keys."""

DocumentMac = NewType("DocumentMac", bytes)
"""32 bytes: an identity document, as a keyed hash under the code service's own key."""

CodeMac = NewType("CodeMac", bytes)
"""32 bytes: a code, as a keyed hash: two documents never share one."""


class CodeOperation(StrEnum):
    """What an institution asks of the code service."""

    ISSUE = "issue"
    """A code for a document that has none."""
    RELEASE = "release"
    """A patient's keys, the document having been read (attended release)."""
    EMERGENCY = "emergency-release"
    """A patient's keys in an emergency that is, or will be, on chain."""
    CHANGE = "change"
    """Another code for a document: the old one was lost, or seen by somebody."""


class CodeEvent(StrEnum):
    """What a patient reads of it: `CodeContent.what`."""

    ISSUED = "issued"
    """The code was issued."""
    RELEASED = "released"
    """Keys were released to an institution that had read the document."""
    EMERGENCY_RELEASED = "emergency-released"
    """Keys were released in an emergency."""
    MERGED = "merged"
    """Keys were released, and a provisional code is merged into the patient's own."""
    CHANGED = "changed"
    """The code was changed."""
    REISSUED = "reissued"
    """Keys of a new epoch went to the institutions that have the older ones."""


@dataclass(frozen=True, slots=True)
class IdentityDocument:
    """What a patient showed. Sensitive: never stored, never in a message that is not sealed."""

    kind: str
    """Such as `resident-id`, `passport` or `birth-certificate`."""
    number: str
    """Its number."""


@dataclass(frozen=True, slots=True)
class CustodianPair:
    """Two custodians who can open a card together, in this order."""

    outer: InstitutionId
    """Opens the outer box."""
    inner: InstitutionId
    """Opens what was in it."""
