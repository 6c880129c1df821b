"""What records say, sealed, as `services.disclosure` sees it; an import contract keeps every other service out."""

from __future__ import annotations

from typing import Protocol

from node.domain.access import RequestId
from node.domain.entry import Origin
from node.ports.records.secrets import SecretId


class BodyReader(Protocol):
    """Reads sealed bodies."""

    def read(self, origin: Origin, leaf_index: int) -> tuple[bytes, SecretId] | None:
        """Return an entry's sealed body and the name of its secret, or None when there is none any more."""


class RetrievedCopies(Protocol):
    """Reads what was retrieved from others and verified."""

    def numbers(self, request: RequestId) -> list[int]:
        """Return the numbers of a request's parts, the manifest's 0 first; none once they were forgotten."""

    def read(self, request: RequestId, number: int) -> bytes | None:
        """Return a part, sealed for this node, or None once it was forgotten."""
