"""The one door to bodies: nothing else reads what a record says (an import contract holds everybody else off).

Who may read what is decided before a caller comes here; here a body is opened and checked against its commitment.
"""

from __future__ import annotations

from dataclasses import dataclass

from node.errors import RecordErasedError, RecordLockedError
from node.ports.bodies import BodyReader
from node.ports.records import EntryRow
from node.ports.secrets import RecordSecret, SecretStore
from node.ports.withdrawals import WithdrawalStore
from node.wire.commitment import BodyPart, open_body
from node.wire.leaf import parse_leaf


@dataclass(frozen=True, slots=True)
class OpenedRecord:
    """A record's manifest and parts, and what opens its commitment."""

    secret: RecordSecret
    """Salts derive from it; never leaves the services."""
    parts: tuple[BodyPart, ...]
    """Manifest and parts, in order."""


class DisclosureService:
    """Opens bodies."""

    def __init__(self, bodies: BodyReader, secrets: SecretStore, withdrawals: WithdrawalStore) -> None:
        self._bodies = bodies
        self._secrets = secrets
        self._withdrawals = withdrawals

    def open(self, entry: EntryRow) -> OpenedRecord:
        """Open an entry's body.

        Raises:
            RecordLockedError: The patient has withdrawn; only a retention period keeps it.
            RecordErasedError: Body or secret have gone.
            CommitmentError: The stored body does not open the commitment in the log: it was altered.
            SecretUnreadableError: The secret cannot be unwrapped.
        """
        if entry.record_id is not None and self._withdrawals.locked([entry.record_id]):
            raise RecordLockedError(entry.record_id)
        found = self._bodies.read(entry.origin, entry.leaf_index)
        secret = None if found is None else self._secrets.get(found[1])
        if found is None or secret is None:
            raise RecordErasedError(entry.record_id or "")
        commitment = parse_leaf(entry.leaf).commitment
        return OpenedRecord(secret, open_body(secret, found[0], commitment).parts)
