"""What is read across institutions, as the API sees it; there is none without a registry."""

from __future__ import annotations

from dataclasses import dataclass

from node.services.reading.finding_patients import PatientFinding
from node.services.reading.holder import Holder
from node.services.reading.retrieval import Retrieval
from node.services.reading.retrieval_work import RetrievalWork


@dataclass(frozen=True, slots=True)
class Reading:
    """The services."""

    holder: Holder
    """Answers members that want to read."""
    finding: PatientFinding
    """Finds what exists of a patient."""
    retrieval: Retrieval
    """Reads what other members hold."""
    work: RetrievalWork
    """Works orders off."""
