"""The documents that checks rest on, prepared: catalogue, regions, institutions, prices, certificates, maps.

Preparing loads the library of units, two seconds: a loop does so after the start and before other versions take over, so
that no clinician waits for it. A check that is under way when they do is answered, and spelled, by those it began with.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import structlog

from node.domain.entry import InstitutionId
from node.domain.recognition import CheckOutcome, ItemCode
from node.domain.record import Item
from node.errors import NoProfileError
from node.recognition.index import OrderingIndex, RecognitionIndex
from node.recognition.warning import Names, Tables, chinese_names, english_names, warning_lines
from node.terminology.bundle import Terminology

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What an institution's checks need."""

    index: OrderingIndex
    chinese: Names
    english: Names


class _Edition:
    """One version of everything, prepared for each institution when it is asked for first."""

    def __init__(self, documents: Terminology) -> None:
        self.documents = documents
        self._lock = threading.Lock()
        self._shared: RecognitionIndex | None = None
        self._prepared: dict[InstitutionId, _Prepared] = {}

    def prepare(self, institution: InstitutionId) -> _Prepared:
        known = self._prepared.get(institution)
        if known is None:
            with self._lock:
                if self._shared is None:
                    self._shared = RecognitionIndex(self.documents)
                index = self._shared.ordering(institution)
            known = self._prepared[institution] = _Prepared(index, chinese_names(index), english_names(index))
        return known


class Rulebook:
    """The rules, for each ordering institution; any thread."""

    def __init__(self, documents: Terminology, texts: Mapping[str, Tables]) -> None:
        """Prepare nothing yet.

        Args:
            documents: One version of them.
            texts: The words of warnings, of `zh` and `en`.
        """
        self._texts = texts
        # replaced as a whole: whoever reads sees one pair or the next
        first = _Edition(documents)
        self._editions = (first, first)

    @property
    def documents(self) -> Terminology:
        """Return the documents that hold now."""
        return self._editions[0].documents

    def prepare(self, institutions: Iterable[InstitutionId]) -> None:
        """Prepare what holds now for some institutions, before a clinician waits for it."""
        _prepare(self._editions[0], institutions)

    def adopt(self, documents: Terminology, institutions: Iterable[InstitutionId]) -> None:
        """Let other documents hold, once they are prepared for some institutions; one thread."""
        edition = _Edition(documents)
        _prepare(edition, institutions)
        self._editions = (edition, self._editions[0])

    def ordering(self, institution: InstitutionId) -> OrderingIndex:
        """Return what an institution's checks need.

        Raises:
            NoProfileError: The table of institutions or the maps do not have it.
        """
        return self._editions[0].prepare(institution).index

    def warnings(self, outcome: CheckOutcome) -> dict[str, tuple[str, ...]]:
        """Return the words of an outcome in Chinese and English, line by line, by the documents that it rests on."""
        now, before = self._editions
        # the very same object: a check that began before other documents took over
        prepared = (before if outcome.pins is before.documents.pins else now).prepare(outcome.institution)
        names = {"zh": prepared.chinese, "en": prepared.english}
        return {language: warning_lines(outcome, names[language], self._texts[language]) for language in names}

    def meaning(self, institution: InstitutionId, result: Item) -> ItemCode | None:
        """Return which item of the catalogue a code of an institution means; None where its map does not say."""
        try:
            results = self.ordering(institution).shared.results[institution]
        except NoProfileError:
            return None
        row = results.find(result)
        return None if row is None else row.item

    def names(self, institution: InstitutionId) -> dict[str, Names]:
        """Return how things are called in `zh` and `en`; raises as `ordering`."""
        prepared = self._editions[0].prepare(institution)
        return {"zh": prepared.chinese, "en": prepared.english}

    def words(self, language: str) -> Mapping[str, str]:
        """Return the words about recognition, by key, in `zh` or `en`."""
        return self._texts[language]["recognition"]

    def reasons(self, language: str) -> Mapping[str, str]:
        """Return the words of the six reasons, by number, in `zh` or `en`."""
        return self._texts[language]["reason"]


def _prepare(edition: _Edition, institutions: Iterable[InstitutionId]) -> None:
    for institution in institutions:
        try:
            edition.prepare(institution)
        except NoProfileError as error:
            log.debug("no_checks_for_institution", institution=institution, reason=str(error))
