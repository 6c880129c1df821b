"""Which results recalls stand against: the rule of docs/spec/recall.md, the same for whoever reads a log.

Pure. An announcement covers every result of its log that fits it, whenever that was filed; a list covers those that it names; a
lifting ends what its recall said before it. Entries may be taken in any order: where they stand in the log alone decides.

Left out: reading entries (`node.wire.recall_entry`), and which of a list's names are entries of the log before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from node.domain.entry import InstitutionId
from node.domain.header import HeaderContent
from node.domain.recall import RecallAnnouncement, RecallCriteria, RecallId, RecallLifting, RecallListing, RecallStatement
from node.domain.record import Item

MAX_STANDING: Final = 1_000
"""Recalls of one log that are held against headers; of more, the first: a check at order time tries each of them."""

Meaning = Callable[[InstitutionId, Item], str | None]
"""Says which item of the catalogue a code of an institution means."""


def fits(criteria: RecallCriteria, content: HeaderContent, institution: InstitutionId, meaning: Meaning) -> bool:
    """Tell whether a result is one that a recall is about.

    Args:
        criteria: What the recall is about.
        content: What the result's header says.
        institution: Whose result it is.
        meaning: Maps its codes to items.
    """
    if not criteria.from_ms <= content.performed_at_ms < criteria.to_ms:
        return False
    if criteria.device and criteria.device not in content.device.split("\n"):
        return False
    if criteria.lot and criteria.lot not in content.lot.split("\n"):
        return False
    item = criteria.item
    return not item or any(each.code == item or meaning(institution, each) == item for each in content.items)


class LogRecalls:
    """What one log recalls; written by one thread, read by any."""

    def __init__(self) -> None:
        self._announced: dict[tuple[int, RecallId], RecallCriteria] = {}
        self._listed: dict[bytes, tuple[tuple[int, RecallId], ...]] = {}
        self._lifted: dict[RecallId, int] = {}
        self._standing: tuple[RecallCriteria, ...] = ()

    @property
    def standing(self) -> tuple[RecallCriteria, ...]:
        """Return what the recalls that stand are about."""
        return self._standing

    def take(self, said: Iterable[tuple[int, RecallStatement]]) -> None:
        """Heed what entries say, each with its place in the log; the same again changes nothing."""
        for index, statement in said:
            match statement:
                case RecallAnnouncement(recall_id, criteria):
                    self._announced[index, recall_id] = criteria
                case RecallListing(recall_id, leaf_hashes):
                    for leaf_hash in leaf_hashes:
                        self._listed[leaf_hash] = tuple({*self._listed.get(leaf_hash, ()), (index, recall_id)})
                case RecallLifting(recall_id):
                    self._lifted[recall_id] = max(index, self._lifted.get(recall_id, -1))
        announced = sorted(place for place in self._announced if self._stands(place))[:MAX_STANDING]
        self._standing = tuple(self._announced[place] for place in announced)

    def names(self, leaf_hash: bytes) -> bool:
        """Tell whether a recall that stands names a result."""
        return any(self._stands(place) for place in self._listed.get(leaf_hash, ()))

    def _stands(self, place: tuple[int, RecallId]) -> bool:
        index, recall_id = place
        return index > self._lifted.get(recall_id, -1)
