"""Sealed bodies, as `services.disclosure` sees them; an import contract keeps every other service out."""

from __future__ import annotations

from typing import Protocol

from node.domain.entry import Origin
from node.ports.secrets import SecretId


class BodyReader(Protocol):
    """Reads sealed bodies."""

    def read(self, origin: Origin, leaf_index: int) -> tuple[bytes, SecretId] | None:
        """Return an entry's sealed body and the name of its secret, or None when there is none any more."""
