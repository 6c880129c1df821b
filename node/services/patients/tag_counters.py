"""Where each key's tags stand in a log (docs/spec/locator.md): counters are allocated in the caller's transaction, never twice.

A key that has no counter yet is probed for in the log's own tags: its tags may have been given before this database was
restored, or before its patient was registered anew. A counter therefore never restarts, whatever was forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping

from node.domain.entry import Origin
from node.domain.patient import LocatorTag
from node.ports.records.own_entries import OwnTags
from node.ports.records.transaction import CounterKey, EntryRow, RecordsTransaction
from node.services.patients.index import PatientIndex
from node.wire.locator import locator_tag

_MAX_STEP = 256
"""Tags that one lookup asks for at the most; the first asks for one, for most keys are new."""


class TagCounters:
    """Allocates counters; the caller's commit makes them durable."""

    def __init__(self, tags: OwnTags, patients: PatientIndex) -> None:
        self._tags = tags
        self._patients = patients

    def key(self, origin: Origin, key: bytes, tag_class: int) -> CounterKey:
        """Return what names the counter of a key (K_e or K_r) in a log."""
        return CounterKey(origin, self._patients.locator_id(key), tag_class)

    def standing(self, transaction: RecordsTransaction, keys: Mapping[CounterKey, bytes]) -> dict[CounterKey, int]:
        """Return the next values of counters.

        Args:
            transaction: Of the records writer.
            keys: The key that makes the tags, 32 bytes, by counter.
        """
        found = transaction.counters([counter.locator_id for counter in keys])
        return {
            counter: found[counter] if counter in found else len(self.given(transaction, counter, key))
            for counter, key in keys.items()
        }

    def reserve(self, transaction: RecordsTransaction, origin: Origin, key: bytes, tag_class: int) -> LocatorTag:
        """Allocate the next tag of a key in a log."""
        counter = self.key(origin, key, tag_class)
        value = self.standing(transaction, {counter: key})[counter]
        transaction.set_counters({counter: value + 1})
        return locator_tag(key, origin, tag_class, value)

    def given(self, transaction: RecordsTransaction, counter: CounterKey, key: bytes) -> list[EntryRow]:
        """Return the entries that have a key's tags, in the order of their counters, up to the first miss."""
        given: list[EntryRow] = []
        step = 1
        while True:
            values = range(len(given), len(given) + step)
            tags = [locator_tag(key, counter.origin, counter.tag_class, value) for value in values]
            places = self._tags.places(transaction, counter.origin, tags)
            for tag in tags:
                if tag not in places:
                    return given
                given.append(places[tag])
            step = min(2 * step, _MAX_STEP)
