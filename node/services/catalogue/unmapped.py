"""The operator's worklist: codes of results and orderables that occurred here and have no row in a map.

What occurs is counted in memory and written by a loop, so that neither a clinician nor an ingest waits for it: a crash loses
what was counted in the last moments. The list is asked of the maps that hold when it is looked at, so that a code leaves it
when its row is published. Counts say nothing of patients; a code that could name one (too long for a code) is not kept.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from typing import Final

from node.domain.entry import InstitutionId
from node.domain.recognition import CheckOutcome
from node.domain.record import Item
from node.ports.catalogue.unmapped import CountedCode, OccurredCode, Occurrence, UnmappedStore
from node.ports.clock import Clock, unix_ms
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.services.catalogue.rulebook import Rulebook
from node.terminology.bundle import Terminology
from node.terminology.maps import ResultIndex

MAX_CODES: Final = 20_000
"""Different codes that are counted between two writes; what is more waits until it occurs again."""
KEPT_DAYS: Final = 365
"""How long a code stays that does not occur any more."""

_MAX_SYSTEM_CHARS: Final = 255
_MAX_CODE_CHARS: Final = 64
_DAY_MS: Final = 86_400_000


class UnmappedCodes:
    """Counts codes that lead nowhere; any thread."""

    def __init__(self, rules: Rulebook, store: UnmappedStore, writer: RecordsWriter, clock: Clock) -> None:
        self._rules = rules
        self._store = store
        self._writer = writer
        self._clock = clock
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._counts: Counter[OccurredCode] = Counter()
        self._maps: _Maps | None = None

    def filed(self, institution: InstitutionId, items: Iterable[Item]) -> None:
        """Count the codes of one record that an institution filed."""
        occurred = {_result(institution, institution, Occurrence.FILED, each) for each in items}
        self._count(occurred)

    def checked(self, outcome: CheckOutcome) -> None:
        """Count what an institution's check could not place."""
        own = outcome.institution
        occurred = {
            _result(own, result.institution, Occurrence.FOUND, Item(system, code, "", ""))
            for result in outcome.unmapped
            for system, code in result.codes
        }
        orderables = (line.line.orderable for line in outcome.lines if not line.known)
        self._count(occurred | {OccurredCode(own, Occurrence.ORDERED, own, "", each) for each in orderables})

    def worklist(self, institution: InstitutionId) -> list[CountedCode]:
        """Return what occurred and has no row in the maps that hold now, the newest first."""
        self.step()
        maps = self._ready()
        return [each for each in self._store.counted(institution) if not maps.know(each.occurred)]

    def step(self) -> None:
        """Write what was counted; the step of a loop."""
        # who reads after this must not miss what another thread has taken and not written yet
        with self._writing:
            with self._lock:
                counts, self._counts = self._counts, Counter()
            maps, now_ms = self._ready(), unix_ms(self._clock)
            unmapped = {each: times for each, times in counts.items() if not maps.know(each)}

            def work(transaction: RecordsTransaction) -> None:
                self._store.add(transaction, unmapped, now_ms)
                self._store.forget(transaction, now_ms - KEPT_DAYS * _DAY_MS)

            if unmapped:
                self._writer.submit(work).result()

    def _count(self, occurred: Iterable[OccurredCode]) -> None:
        with self._lock:
            for each in occurred:
                if (
                    len(each.system) <= _MAX_SYSTEM_CHARS
                    and 0 < len(each.code) <= _MAX_CODE_CHARS
                    and len(self._counts) < MAX_CODES
                ):
                    self._counts[each] += 1

    def _ready(self) -> _Maps:
        documents = self._rules.documents
        if self._maps is None or self._maps.documents is not documents:
            self._maps = _Maps(documents)
        return self._maps


class _Maps:
    """One version of the maps, prepared when they are asked."""

    def __init__(self, documents: Terminology) -> None:
        self.documents = documents
        self._results: dict[InstitutionId, ResultIndex] = {}

    def know(self, occurred: OccurredCode) -> bool:
        """Tell whether a code has a row."""
        mapping = self.documents.maps.get(occurred.mapped_by)
        if mapping is None:
            return False
        if occurred.occurrence is Occurrence.ORDERED:
            return any(each.code == occurred.code for each in mapping.orderables)
        if occurred.mapped_by not in self._results:
            self._results[occurred.mapped_by] = ResultIndex(mapping, self.documents.catalogue)
        found = self._results[occurred.mapped_by].find(Item(occurred.system, occurred.code, occurred.specimen, ""))
        return found is not None


def _result(institution: InstitutionId, mapped_by: InstitutionId, occurrence: Occurrence, item: Item) -> OccurredCode:
    return OccurredCode(institution, occurrence, mapped_by, item.system, item.code, item.specimen)
