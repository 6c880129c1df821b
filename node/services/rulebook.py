"""The documents that checks rest on, prepared: catalogue, regions, institutions, prices, certificates, maps.

Read once; other versions take a restart. Preparing loads the library of units, two seconds: a loop does so after the start,
so that no clinician waits for it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from node.domain.entry import InstitutionId
from node.domain.recognition import CheckOutcome
from node.recognition.index import OrderingIndex, RecognitionIndex
from node.recognition.warning import Names, Tables, chinese_names, english_names, warning_lines
from node.terminology.bundle import Terminology


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What an institution's checks need."""

    index: OrderingIndex
    chinese: Names
    english: Names


class Rulebook:
    """The rules, for each ordering institution; any thread."""

    def __init__(self, documents: Terminology, texts: Mapping[str, Tables]) -> None:
        """Prepare nothing yet.

        Args:
            documents: One version of them.
            texts: The words of warnings, of `zh` and `en`.
        """
        self._documents = documents
        self._texts = texts
        self._lock = threading.Lock()
        self._shared: RecognitionIndex | None = None
        self._prepared: dict[InstitutionId, _Prepared] = {}

    def ordering(self, institution: InstitutionId) -> OrderingIndex:
        """Return what an institution's checks need.

        Raises:
            NoProfileError: The table of institutions or the maps do not have it.
        """
        return self._prepare(institution).index

    def warnings(self, outcome: CheckOutcome) -> dict[str, tuple[str, ...]]:
        """Return the words of an outcome in Chinese and English, line by line."""
        prepared = self._prepare(outcome.institution)
        names = {"zh": prepared.chinese, "en": prepared.english}
        return {language: warning_lines(outcome, names[language], self._texts[language]) for language in names}

    def words(self, language: str) -> Mapping[str, str]:
        """Return the words about recognition, by key, in `zh` or `en`."""
        return self._texts[language]["recognition"]

    def reasons(self, language: str) -> Mapping[str, str]:
        """Return the words of the six reasons, by number, in `zh` or `en`."""
        return self._texts[language]["reason"]

    def _prepare(self, institution: InstitutionId) -> _Prepared:
        known = self._prepared.get(institution)
        if known is None:
            with self._lock:
                if self._shared is None:
                    self._shared = RecognitionIndex(self._documents)
                index = self._shared.ordering(institution)
            known = self._prepared[institution] = _Prepared(index, chinese_names(index), english_names(index))
        return known
