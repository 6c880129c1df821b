"""The one door to what records say: nothing else reads it (an import contract holds everybody else off).

It opens for a permit only, which `node.policy` alone makes, and only for the entry and the institution that the permit names.
What was retrieved from others is behind the same door.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from node.domain.access import RequestId
from node.domain.entry import LeafReference
from node.errors import ForeignPermitError, RecordErasedError, RecordLockedError
from node.policy.decision import Permit
from node.ports.custody.withdrawals import WithdrawalStore
from node.ports.keys.signing import NodeKeys
from node.ports.records.bodies import BodyReader, RetrievedCopies
from node.ports.records.secrets import RecordSecret, SecretStore
from node.ports.records.transaction import EntryRow
from node.wire.commitment import BodyPart, open_body
from node.wire.evidence.file import Evidence, OpenedPart, parse_evidence
from node.wire.evidence.opened_part import decode_opened_part
from node.wire.leaf import parse_leaf

RETRIEVED: Final = "retrieved-part"
"""Purpose under which retrieved parts are sealed for this node."""
HEAD: Final = 0
"""Number under which the evidence without its parts is kept; the manifest is in it."""


@dataclass(frozen=True, slots=True)
class OpenedRecord:
    """A record's manifest and parts, and what opens its commitment."""

    secret: RecordSecret
    """Salts derive from it; never leaves the services."""
    parts: tuple[BodyPart, ...]
    """Manifest and parts, in order."""


@dataclass(frozen=True, slots=True)
class RetrievedRecord:
    """A record of somebody else, as it was retrieved and verified."""

    head: Evidence
    """The evidence, without its parts."""
    parts: Iterator[OpenedPart]
    """The parts, in order, read one at a time."""


class DisclosureService:
    """Opens bodies."""

    def __init__(
        self,
        bodies: BodyReader,
        secrets: SecretStore,
        copies: RetrievedCopies,
        withdrawals: WithdrawalStore,
        keys: NodeKeys,
    ) -> None:
        self._bodies = bodies
        self._secrets = secrets
        self._copies = copies
        self._withdrawals = withdrawals
        self._keys = keys

    def open(self, entry: EntryRow, permit: Permit) -> OpenedRecord:
        """Open an entry's body.

        Args:
            entry: Of an own log.
            permit: To read this entry.

        Raises:
            ForeignPermitError: The permit is for something else.
            RecordLockedError: The patient has withdrawn; only a retention period keeps it.
            RecordErasedError: Body or secret have gone.
            CommitmentError: The stored body does not open the commitment in the log: it was altered.
            SecretUnreadableError: The secret cannot be unwrapped.
        """
        _check(permit, LeafReference(entry.origin, entry.leaf_hash))
        if entry.record_id is not None and self._withdrawals.locked([entry.record_id]):
            raise RecordLockedError(entry.record_id)
        found = self._bodies.read(entry.origin, entry.leaf_index)
        secret = None if found is None else self._secrets.get(found[1])
        if found is None or secret is None:
            raise RecordErasedError(entry.record_id or "")
        commitment = parse_leaf(entry.leaf).commitment
        return OpenedRecord(secret, open_body(secret, found[0], commitment).parts)

    def retrieved(self, request: RequestId, reference: LeafReference, permit: Permit) -> RetrievedRecord | None:
        """Read what an institution retrieved and verified; None once it was forgotten.

        Args:
            request: The request that brought it.
            reference: The entry that it is of.
            permit: To read it.

        Raises:
            ForeignPermitError: The permit is for something else.
            KeyFileError: What is stored was altered.
        """
        _check(permit, reference)
        head = self._copies.read(request, HEAD)
        if head is None:
            return None
        return RetrievedRecord(parse_evidence(self._keys.open(RETRIEVED, head)), self._parts(request))

    def _parts(self, request: RequestId) -> Iterator[OpenedPart]:
        for number in self._copies.numbers(request):
            sealed = self._copies.read(request, number)
            if number != HEAD and sealed is not None:
                yield decode_opened_part(self._keys.open(RETRIEVED, sealed))


def _check(permit: Permit, reference: LeafReference) -> None:
    if permit.reference != reference:
        raise ForeignPermitError
