"""Recognition, as the API sees it; there is none without a registry."""

from __future__ import annotations

from dataclasses import dataclass

from node.services.catalogue.rulebook import Rulebook
from node.services.recognition.certificates import Certificates
from node.services.recognition.checking import CheckLeaves, OrderChecking
from node.services.recognition.deciding import Deciding
from node.services.recognition.heard_decisions import HeardDecisions
from node.services.recognition.recall_standing import RecallStanding
from node.services.recognition.recalls import Recalls
from node.services.recognition.received_notices import NoticeList
from node.services.surface.clinic import Clinic


@dataclass(frozen=True, slots=True)
class Recognition:
    """The services."""

    rules: Rulebook
    """Catalogue, maps, marks, prices."""
    checking: OrderChecking
    """Answers checks at order time."""
    leaves: CheckLeaves
    """Logs them."""
    deciding: Deciding
    """Takes decisions."""
    heard: HeardDecisions
    """What others decided."""
    certificates: Certificates
    """Proves decisions to strangers."""
    notices: NoticeList
    """What others amended, withdrew or recalled."""
    recalls: Recalls
    """What institutions here recall."""
    standing: RecallStanding
    """What recalls stand against."""
    clinic: Clinic
    """What clinicians see beside: links to results, cards, slips."""
