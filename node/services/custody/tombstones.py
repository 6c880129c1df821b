"""Delete headers, and see to it that the others delete theirs (FORMATS "Header"; docs/spec/relocation.md, "Tombstones").

The tombstone is staged in the transaction that deletes the header, and is announced to every member through a durable queue;
who has not acknowledged it is listed. Left out: destroying secrets (`erasure`), what followers do with a tombstone.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Container, Iterable, Sequence
from typing import Final

import msgspec

from ledger.hashing import LeafIndex
from node.domain.entry import KEPT_TYPES, EntryType, InstitutionId, LeafReference, Origin
from node.domain.message import MemberMessage
from node.errors import HeaderKeptError, MalformedParameterError
from node.ports.clock import Clock, unix_ms
from node.ports.custody.tombstones import TombstoneRegister, TombstoneRow, TombstoneState
from node.ports.members.membership import KeyDirectory
from node.ports.records.transaction import EntryRow, RecordsTransaction, RecordsWriter
from node.services.members.outbox import Outbox
from node.services.records.public_entries import stage_public
from node.wire.json_strict import check_document
from node.wire.public_entry import PublicEntry, tombstone_entry


class _Message(msgspec.Struct):
    """What a member is told: enough to verify the tombstone before it has followed the log that far."""

    origin: str
    leaf_index: int
    leaf: str
    header: str


class _Acknowledgement(msgspec.Struct, forbid_unknown_fields=True):
    """What a member answers once its copy of the header has gone."""

    origin: str
    leaf_index: int


class TombstoneService:
    """Stages tombstones, tells of them, keeps acknowledgements."""

    MESSAGE: Final = "tombstone"
    """Kind of the message that tells of a tombstone."""
    ACKNOWLEDGEMENT: Final = "tombstone-done"
    """Kind of the message that acknowledges one: the member's copy of the header has gone."""

    def __init__(
        self,
        *,
        register: TombstoneRegister,
        outbox: Outbox | None,
        directory: KeyDirectory | None,
        hosted: Container[InstitutionId],
        clock: Clock,
    ) -> None:
        """Take what is needed.

        Args:
            register: Keeps tombstones.
            outbox: Tells the others; None where there are none.
            directory: Says who the others are.
            hosted: This node's own institutions, which hold no copies of their own.
            clock: Tells the time.
        """
        self._register = register
        self._outbox = outbox
        self._directory = directory
        self._hosted = hosted
        self._clock = clock

    def bury(
        self, transaction: RecordsTransaction, institution: InstitutionId, entries: Sequence[EntryRow], *, bodies: bool
    ) -> tuple[int, ...]:
        """Delete the headers of entries of one log and stage their tombstones.

        Args:
            transaction: Of the records writer.
            institution: Whose entries.
            entries: The entries; their headers may be gone already.
            bodies: Whether their bodies and secrets go too.

        Returns:
            The leaf indices of the tombstones.

        Raises:
            HeaderKeptError: An entry of a type whose header is never deleted; nothing was changed.
        """
        for entry in entries:
            if entry.entry_type in KEPT_TYPES:
                raise HeaderKeptError(entry.entry_type.name.lower().replace("_", "-"))
        if not entries:
            return ()
        now_ms = unix_ms(self._clock)
        self._register.forget(transaction, entries, bodies=bodies)
        origin = entries[0].origin
        made = [tombstone_entry(origin, LeafReference(entry.origin, entry.leaf_hash), now_ms) for entry in entries]
        first = stage_public(transaction, institution, origin, EntryType.ADMINISTRATIVE, made, now_ms)
        placed = list(enumerate(made, start=first))
        rows = [
            TombstoneRow(origin, index, institution, entry.leaf_hash, now_ms)
            for (index, _), entry in zip(placed, entries, strict=True)
        ]
        members = self.members()
        self._register.insert(transaction, rows, members)
        if self._outbox is not None:
            for row, (_, one) in zip(rows, placed, strict=True):
                self._outbox.tell(transaction, institution, members, self.MESSAGE, row.target.hex(), _encode(row, one))
        return tuple(index for index, _ in placed)

    def acknowledged(self, transaction: RecordsTransaction, message: MemberMessage) -> None:
        """Keep a member's word that it has deleted its copy of a header; a handler of the inbox.

        Raises:
            MalformedParameterError: It is no acknowledgement.
        """
        check_document(message.body, 2)
        try:
            told = msgspec.json.decode(message.body, type=_Acknowledgement)
        except msgspec.MsgspecError as error:
            raise MalformedParameterError("body", "is not the acknowledgement of a tombstone") from error
        # only a tombstone of the institution that was told, and of a member that was told of it, has such a row
        self._register.acknowledge(transaction, Origin(told.origin), told.leaf_index, message.sender, unix_ms(self._clock))

    def members(self) -> tuple[InstitutionId, ...]:
        """Return whoever may hold copies of headers: every active member with a log of its own."""
        if self._directory is None:
            return ()
        return tuple(
            member.institution
            for member in self._directory.members()
            if member.is_active
            and member.institution not in self._hosted
            and self._directory.endpoint(member.institution) is not None
        )

    def page(self, institution: InstitutionId, *, waiting: bool, limit: int) -> list[TombstoneState]:
        """Return an institution's tombstones, newest first; with `waiting` those that some member has not acknowledged."""
        return self._register.page(institution, waiting=waiting, limit=limit)


class TombstoneWatch:
    """Acts on other members' tombstones: lets the follower look at once, and tells the holder when the copy has gone."""

    def __init__(
        self, *, outbox: Outbox | None, directory: KeyDirectory | None, hosted: Collection[InstitutionId], writer: RecordsWriter
    ) -> None:
        self._outbox = outbox
        self._directory = directory
        self._hosted = hosted
        self._writer = writer
        self._look: Callable[[Iterable[Origin]], None] = _look_later

    def on_told(self, look: Callable[[Iterable[Origin]], None]) -> None:
        """Let `look` be called with the logs that have a tombstone to be seen."""
        self._look = look

    def told(self, transaction: RecordsTransaction, message: MemberMessage) -> None:
        """Take the word that there is a tombstone; a handler of the inbox. It counts once it was seen in the log.

        Raises:
            MalformedParameterError: It is no such message, or one about another institution's log.
        """
        del transaction
        check_document(message.body, 2)
        try:
            told = msgspec.json.decode(message.body, type=_Message)
        except msgspec.MsgspecError as error:
            raise MalformedParameterError("body", "does not tell of a tombstone") from error
        origin = Origin(told.origin)
        if self._holder(origin) != message.sender:
            raise MalformedParameterError("origin", "is not a log of who tells of it")
        self._look([origin])

    def seen(self, origin: Origin, target: LeafIndex, tombstone: LeafIndex) -> None:
        """Tell a log's holder that the copies here of a header have gone; once more does no harm."""
        del target
        outbox, holder = self._outbox, self._holder(origin)
        if outbox is None or holder is None or holder in self._hosted:
            return
        body = msgspec.json.encode(_Acknowledgement(origin, tombstone))

        def work(transaction: RecordsTransaction) -> None:
            for institution in self._hosted:
                outbox.tell(transaction, institution, [holder], TombstoneService.ACKNOWLEDGEMENT, f"{origin}/{tombstone}", body)

        self._writer.submit(work).result()

    def _holder(self, origin: Origin) -> InstitutionId | None:
        registered = None if self._directory is None else self._directory.origin(origin)
        return None if registered is None else registered.institution


def _look_later(origins: Iterable[Origin]) -> None:
    """Leave it to the follower's own interval."""
    del origins


def _encode(row: TombstoneRow, entry: PublicEntry) -> bytes:
    return msgspec.json.encode(_Message(row.origin, row.leaf_index, entry.leaf.hex(), base64.b64encode(entry.header).decode()))
