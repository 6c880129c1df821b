"""Do with real nodes what the model says of corrections, withdrawals and recalls, and of the people who work lists of notices.

What is filed, recalled and lifted is the model's; who is told of it is the nodes', and so is what a list says that rests on it:
whoever works a list takes back what the list shows, and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from devnet.simulation.clock import SimulatedClock
from devnet.simulation.consortium import HostNode, recognition_of
from devnet.simulation.documents import ResultDocuments
from devnet.simulation.happenings import Lifting, ListWorked, RecallMade, RecallNumber, VersionMade, VersionName
from devnet.simulation.stages import Difference, Stages
from node.domain.access import Actor
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.domain.recall import LiftingReason, RecallCriteria, RecallId, RecallReason
from node.domain.receipt import Receipt
from node.domain.recognition_acts import DecisionId
from node.errors import ConcordError
from node.services.recognition.recalls import RecallOrder

_WAIT_S: Final = 120.0
LIST_LIMIT: Final = 1_000
"""Notices of one institution that are looked at: more than there are."""


@dataclass(frozen=True, slots=True)
class CorrectedWorld:
    """What corrections are done with."""

    hosts: Mapping[InstitutionId, HostNode]
    """The node of each institution."""
    clock: SimulatedClock
    """Everybody's time."""
    documents: ResultDocuments
    """Writes reports."""
    stages: Callable[[], Stages]
    """Where time is noted."""
    differences: list[Difference]
    """What the model did not expect."""


@dataclass
class Entries:
    """Which entries stand for what the model speaks of."""

    versions: dict[VersionName, tuple[LeafReference, int]] = field(default_factory=dict)
    """Versions of results, with their indexes."""
    recalls: dict[RecallNumber, LeafReference] = field(default_factory=dict)
    """Announcements of recalls."""
    liftings: dict[RecallNumber, LeafReference] = field(default_factory=dict)
    """Their liftings."""

    def filed(self, version: VersionMade, receipt: Receipt) -> None:
        """Note which entry a version is."""
        if receipt.leaf_hash is None or receipt.leaf_index is None or receipt.version != version.version:
            raise RuntimeError(f"result {version.result.number} is no entry of version {version.version}")
        reference = LeafReference(Origin(receipt.origin), receipt.leaf_hash)
        self.versions[version.name] = reference, receipt.leaf_index


class Corrections:
    """Does them."""

    def __init__(self, world: CorrectedWorld, entries: Entries, seed: int) -> None:
        self._world = world
        self._entries = entries
        self._seed = seed
        self._searching: dict[RecallNumber, InstitutionId] = {}

    def recall_id(self, number: RecallNumber) -> RecallId:
        """Return the id of a recall, the same for the same seed."""
        return RecallId(hashlib.sha256(f"recall/{self._seed}/{number}".encode()).hexdigest()[:32])

    def file(self, version: VersionMade) -> None:
        """File a later version of a result; it stands when this returns."""
        self._world.clock.set(version.at_ms)
        ingest = self._world.hosts[version.result.institution].running.node.ingest
        with self._world.stages().of("file revisions"):
            done = ingest.submit(version.result.institution, self._world.documents.document(version)).result(_WAIT_S)
        (receipt,) = done.receipts
        self._entries.filed(version, receipt)
        if version.result.institution in self._searching.values():
            # a node looks every few seconds at what was filed
            self._search(self._world.hosts[version.result.institution])

    def recall(self, recall: RecallMade) -> None:
        """Announce a recall, and search for what it covers."""
        self._world.clock.set(recall.at_ms)
        criteria = RecallCriteria(recall.item, recall.device, recall.lot, recall.from_ms, recall.to_ms)
        order = RecallOrder(self.recall_id(recall.number), criteria, RecallReason.REAGENT, quality_manager(recall.institution))
        with self._world.stages().of("recalls"):
            announced = recognition_of(self._world.hosts[recall.institution]).recalls.announce(recall.institution, order)
        self._entries.recalls[recall.number] = announced.recall.entry
        self._searching[recall.number] = recall.institution
        self._search(self._world.hosts[recall.institution])

    def lift(self, lifting: Lifting) -> None:
        """Lift a recall, and tell of it."""
        self._world.clock.set(lifting.at_ms)
        recall = lifting.recall
        institution, actor = recall.institution, quality_manager(recall.institution)
        with self._world.stages().of("recalls"):
            recalls = recognition_of(self._world.hosts[institution]).recalls
            lifted = recalls.lift(institution, self.recall_id(recall.number), LiftingReason.CLEARED, actor).recall.lifting
        if lifted is not None:
            self._entries.liftings[recall.number] = lifted.entry
        self._searching.pop(recall.number)
        self._search(self._world.hosts[institution])

    def search_on(self) -> None:
        """Hold what was filed since against the recalls that stand."""
        for name in dict.fromkeys(self._world.hosts[each].name for each in self._searching.values()):
            self._search(next(node for node in self._world.hosts.values() if node.name == name))

    def work_list(self, worked: ListWorked) -> None:
        """Let somebody take notice of all notices that wait at an institution, and take back what the list says rests on them."""
        self._world.clock.set(worked.at_ms)
        services, actor = recognition_of(self._world.hosts[worked.institution]), quality_manager(worked.institution)
        taken_back: set[DecisionId] = set()
        with self._world.stages().of("work lists of notices"):
            for notice in services.notices.list(worked.institution, LIST_LIMIT, waiting=True):
                received = notice.received
                # the model has words of its own for what may become of a result
                if received.change.value in {each.value for each in worked.takes_back} and not received.is_lifted:
                    resting = [each.row.decision_id for each in notice.decisions if each.row.reversed_at_ms is None]
                    for decision in resting:
                        if decision not in taken_back:
                            taken_back.add(decision)
                            self._take_back(worked, decision, actor)
                services.notices.acknowledge(worked.institution, received.notice_id, actor)

    def _take_back(self, worked: ListWorked, decision: DecisionId, actor: Actor) -> None:
        try:
            recognition_of(self._world.hosts[worked.institution]).deciding.reverse(worked.institution, decision, actor)
        except ConcordError as error:
            self._world.differences.append(Difference(f"list of {worked.institution}", type(error).__name__))

    def _search(self, node: HostNode) -> None:
        with self._world.stages().of("recalls"):
            node.step("recalls")
            while node.running.loops["recalls"].is_woken:
                node.step("recalls")


def quality_manager(institution: InstitutionId) -> Actor:
    """Return who recalls, and works lists, at an institution."""
    return Actor(institution, "30", "Q1", "110", "password+token", "quality")
