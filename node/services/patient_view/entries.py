"""Answer a patient without trusting them: entries by their tags, each proved, and nothing about what is not there.

Only logs of this node are answered for, whose tiles are at hand. Left out: what records say beyond their headers
(`records`), how often somebody may ask (the API).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from node.domain.entry import Origin
from node.domain.patient import LocatorTag
from node.ports.logs.index import FollowedEntry, FollowedIndex, LeafPlace
from node.services.logs.followed_proofs import FollowedProofs
from node.wire.leaf import LEAF_TAG_SLICE
from node.wire.patient.entries import AnsweredEntry, AnsweredLog, TagsByLog


class PatientEntries:
    """Answers for this node's logs; any thread."""

    def __init__(self, index: FollowedIndex, proofs: FollowedProofs, own: Collection[Origin]) -> None:
        self._index = index
        self._proofs = proofs
        self._own = frozenset(own)

    def answer(self, tags: TagsByLog) -> dict[Origin, AnsweredLog]:
        """Return the entries that have these tags; logs of others, and tags that nothing has, are passed over."""
        found = {origin: self._answer(origin, wanted) for origin, wanted in tags.items() if origin in self._own}
        return {origin: log for origin, log in found.items() if log is not None}

    def find(self, origin: Origin, tags: Sequence[LocatorTag]) -> list[FollowedEntry]:
        """Return the entries of a log that have these tags and are under its trusted head, by place."""
        places = [LeafPlace(origin, index) for index in self._index.probe([(origin, tag) for tag in tags]) if index is not None]
        entries = self._index.entries(places)
        wanted = set(tags)
        # the index compares half a tag only
        return [entries[place] for place in sorted(entries, key=_index_of) if entries[place].leaf[LEAF_TAG_SLICE] in wanted]

    def _answer(self, origin: Origin, tags: Sequence[LocatorTag]) -> AnsweredLog | None:
        entries = self.find(origin, tags)
        # also where nothing is found: an empty answer says up to which head that holds
        head, proved = self._proofs.under_head(origin, entries)
        if head is None:
            return None
        answered = (AnsweredEntry(int(each.entry.place.index), each.entry.leaf, each.path, each.entry.header) for each in proved)
        return AnsweredLog(head, tuple(answered))


def _index_of(place: LeafPlace) -> int:
    return place.index
