"""Find emergencies that were read under and never reviewed: receipts say that they were used, the chain whether they were reviewed.

The time for a review counts from the opening on chain, or, where the chain has none, from when supervision saw the first receipt:
an emergency that never came to the chain is never reviewed either. A late review settles what was found. What was read after the
review, under somebody else's emergency, or under one for several persons is another finding. Left out: emergencies under which
nobody read, and who may review (`node.services.consents.emergencies`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from node.domain.consent_message import EmergencyId
from node.domain.consent_state import EmergencyState
from node.ports.clock import Clock, unix_ms
from node.ports.consents.emergency_reviews import EmergencyReviewStore, EmergencyUse
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.ports.supervision.findings import SupervisionStore, found_update
from node.supervision.consented import TOLERANCE_MS
from node.supervision.findings import FindingCode, SupervisionFinding

BATCH: Final = 200
"""Emergencies that a step asks the chain about."""
RECHECK_MS: Final = 60_000
"""When to ask again about one that is overdue."""


class ReuseAnswer(StrEnum):
    """Why an emergency does not cover a use of it; part of the key of a finding's words."""

    OTHER_OPENER = "other_opener"
    """Another institution opened it."""
    AFTER_REVIEW = "after_review"
    """It had been reviewed."""
    SEVERAL_PERSONS = "several_persons"
    """It is one patient's, and several were read."""


@dataclass(frozen=True, slots=True)
class EmergencyReviewParts:
    """What the service is made of."""

    store: EmergencyReviewStore
    """Uses of emergencies."""
    findings: SupervisionStore
    """Keeps what is found."""
    chain: Callable[[EmergencyId], EmergencyState | None]
    """What the chain says; raises `ConsentStateUnknownError` while it does not answer."""
    writer: RecordsWriter
    """The one writer."""
    clock: Clock
    """Tells the time."""
    review_ms: int
    """How long a review may take."""


class EmergencyReviews:
    """Asks; `step` is a loop's."""

    def __init__(self, parts: EmergencyReviewParts) -> None:
        self._parts = parts

    def step(self) -> bool:
        """Ask about the emergencies whose time has come.

        Returns:
            Whether there are more than one step takes.

        Raises:
            ConsentStateUnknownError: The chain does not answer; nothing is held against anybody meanwhile.
        """
        parts, now_ms = self._parts, unix_ms(self._parts.clock)
        due = parts.store.due(now_ms, BATCH)
        if not due:
            return False
        uses: dict[EmergencyId, list[EmergencyUse]] = {each: [] for each in due}
        for use in parts.store.uses(due):
            uses[use.emergency].append(use)
        looks: dict[EmergencyId, int | None] = {}
        groups: dict[str, list[SupervisionFinding]] = {}
        for emergency in due:
            state = parts.chain(emergency)
            opened_ms = None if state is None else state.opened_at_s * 1000
            groups[f"emergency use {emergency.hex()}"] = list(_reused(emergency, uses[emergency], state))
            if state is not None and state.reviewed_at_s is not None:
                looks[emergency], groups[_group(emergency)] = None, []
            elif opened_ms is not None and now_ms < opened_ms + parts.review_ms:
                looks[emergency] = opened_ms + parts.review_ms
            else:
                looks[emergency] = now_ms + RECHECK_MS
                groups[_group(emergency)] = [_overdue(emergency, uses[emergency], on_chain=state is not None)]
        self._keep(now_ms, looks, groups)
        return len(due) == BATCH

    def _keep(
        self, now_ms: int, looks: Mapping[EmergencyId, int | None], groups: Mapping[str, Sequence[SupervisionFinding]]
    ) -> None:
        def keep(transaction: RecordsTransaction) -> None:
            self._parts.store.look_again(transaction, looks)
            self._parts.findings.keep(transaction, found_update(now_ms, groups))

        self._parts.writer.submit(keep).result()


def _overdue(emergency: EmergencyId, uses: Sequence[EmergencyUse], *, on_chain: bool) -> SupervisionFinding:
    institutions = tuple(sorted({use.institution for use in uses}))
    places = tuple(sorted(use.place for use in uses))
    values = (("emergency", emergency.hex()[:16]), ("on_chain", "yes" if on_chain else "no"))
    return SupervisionFinding(FindingCode.EMERGENCY_UNREVIEWED, institutions, emergency.hex(), places, values)


def _reused(emergency: EmergencyId, uses: Sequence[EmergencyUse], state: EmergencyState | None) -> Iterator[SupervisionFinding]:
    """Find uses that an emergency does not cover: somebody else's, of several persons, or after it was reviewed."""
    persons = {use.person for use in uses if use.person}
    for use in uses:
        if state is not None and use.institution != state.institution:
            answer = ReuseAnswer.OTHER_OPENER
        elif state is not None and state.reviewed_at_s is not None and use.moment_ms > state.reviewed_at_s * 1000 + TOLERANCE_MS:
            answer = ReuseAnswer.AFTER_REVIEW
        elif len(persons) > 1:
            answer = ReuseAnswer.SEVERAL_PERSONS
        else:
            continue
        subject = f"{use.place.origin}#{use.place.leaf_index}"
        values = (("emergency", emergency.hex()[:16]), ("answer", answer.value))
        yield SupervisionFinding(FindingCode.EMERGENCY_REUSED, (use.institution,), subject, (use.place,), values)


def _group(emergency: EmergencyId) -> str:
    return f"emergency {emergency.hex()}"
