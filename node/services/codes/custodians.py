"""What a custodian does: opens its layer of the boxes that the code service shows, and keeps what it opened, for whom and why.

Alone it opens no card, and nothing of a patient passes it: what is inside is another custodian's box, or a key without its
card. How much it opens an hour is limited: whoever took over the code service would empty it slowly, in everybody's sight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from node.domain.access import RequestId
from node.domain.codes import CODE_SERVICE_ROLE
from node.domain.entry import InstitutionId
from node.errors import CodeRefusedError
from node.ports.clock import Clock, unix_ms
from node.ports.codes.registers import OpeningRegister, OpeningRow
from node.ports.keys.identities import InstitutionIdentity
from node.ports.members.membership import KeyDirectory
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.wire.members.codes import MAX_LAYERS

_HOUR_MS: Final = 3_600_000

Seal = Callable[[bytes, InstitutionId], bytes]
"""Seals something to a member's exchange key."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a custodian is asked to open, and why."""

    operation: str
    """A `CodeOperation`, or `reissued`."""
    request_id: RequestId
    """The request that it is for."""
    boxes: Sequence[bytes]
    """The boxes."""


class CustodianService:
    """Opens layers, for the hosted institutions."""

    def __init__(
        self,
        *,
        identities: Mapping[InstitutionId, InstitutionIdentity],
        directory: KeyDirectory,
        register: OpeningRegister,
        writer: RecordsWriter,
        clock: Clock,
        max_openings_per_hour: int,
    ) -> None:
        self._identities = identities
        self._directory = directory
        self._register = register
        self._writer = writer
        self._clock = clock
        self._max_openings_per_hour = max_openings_per_hour

    def open_layers(self, custodian: InstitutionId, asker: InstitutionId, opening: Opening) -> list[bytes]:
        """Open a custodian's layer of boxes; noted before anything is handed out.

        Args:
            custodian: A hosted institution.
            asker: Who asks, as its signature proved.
            opening: What, and why.

        Raises:
            CodeRefusedError: Not for the code service, too many at once, or too many within an hour.
            SealedMessageError: A box is another custodian's.
        """
        member = self._directory.member(asker)
        if member is None or not member.is_active or CODE_SERVICE_ROLE not in member.roles:
            raise CodeRefusedError("a custodian opens boxes for the code service only")
        if not 0 < len(opening.boxes) <= MAX_LAYERS:
            raise CodeRefusedError(f"a custodian opens 1 to {MAX_LAYERS} boxes at once")
        now_ms = unix_ms(self._clock)
        row = OpeningRow(custodian, asker, opening.request_id, opening.operation, len(opening.boxes), now_ms)

        def work(transaction: RecordsTransaction) -> bool:
            opened = self._register.opened_since(transaction, custodian, now_ms - _HOUR_MS)
            if opened + len(opening.boxes) > self._max_openings_per_hour:
                return False
            self._register.note(transaction, row)
            return True

        if not self._writer.submit(work).result():
            raise CodeRefusedError("the custodian has opened codes.max_openings_per_hour boxes within the hour")
        identity = self._identities[custodian]
        return [identity.unseal(box) for box in opening.boxes]

    def page(self, custodian: InstitutionId, limit: int) -> Sequence[OpeningRow]:
        """Return what a custodian opened, newest first."""
        return self._register.page(custodian, limit)
