"""What becomes of entries after they were staged, connected: tombstones, relocations, notices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from node.adapters.database.custody.refiling import SqlRefilingStore
from node.adapters.database.custody.relocations import SqlRelocationStore
from node.adapters.database.custody.tombstones import SqlTombstoneRegister
from node.adapters.database.recognition.notices import SqlReliances, SqlSentNotices
from node.adapters.database.recognition.recalls import SqlRecallStore
from node.adapters.database.records.own_entries import SqlEntryLabels, SqlOwnTags, SqlPatients
from node.bootstrap.foundation import Foundation
from node.bootstrap.services import Services
from node.bootstrap.sharing import Sharing
from node.services.custody.refiling import WRONG_PATIENT, RefilingParts, RefilingService
from node.services.custody.relocation import RelocationParts, RelocationService, Spread
from node.services.custody.tombstones import TombstoneService, TombstoneWatch
from node.services.loops import Loop
from node.services.records.sent_notices import NoticeAlarm, RevisionNotices
from node.services.surface.custody import Custody
from node.services.surface.exchange import Exchange
from node.wire.members.revisions import ACKNOWLEDGEMENT_KIND

_RELOCATION_INTERVAL_S = 1.0
"""How often the schedule is looked at; it holds times, so that looking late loses nothing."""

_ALARM_INTERVAL_S = 60.0
"""How often it is looked whether notices are overdue."""


@dataclass(frozen=True, slots=True)
class BuiltCustody:
    """The services, and their loops."""

    services: Custody
    """What API and other services use."""
    loops: Sequence[Loop]
    """To be started with the node."""


def build_custody(foundation: Foundation, sharing: Sharing, exchange: Exchange | None) -> BuiltCustody:
    """Connect the services; nothing is started.

    Args:
        foundation: What they stand on.
        sharing: The registry, and acts in the log.
        exchange: Tells other members; None where nothing says who they are.
    """
    stores, settings = foundation.stores, foundation.settings.relocation
    tombstones = TombstoneService(
        register=SqlTombstoneRegister(stores.readers),
        outbox=None if exchange is None else exchange.outbox,
        directory=sharing.membership,
        hosted=frozenset(foundation.institutions),
        clock=foundation.clock,
    )
    watch = TombstoneWatch(
        outbox=None if exchange is None else exchange.outbox,
        directory=sharing.membership,
        hosted=frozenset(foundation.institutions),
        writer=stores.writer,
    )
    notices = RevisionNotices(
        reliances=SqlReliances(),
        store=SqlSentNotices(stores.readers),
        recalls=SqlRecallStore(stores.readers),
        outbox=None if exchange is None else exchange.outbox,
        clock=foundation.clock,
        overdue_s=foundation.settings.recognition.notice_overdue_s,
    )
    if exchange is not None:
        exchange.inbox.register(ACKNOWLEDGEMENT_KIND, notices.acknowledged)
        exchange.inbox.register(TombstoneService.ACKNOWLEDGEMENT, tombstones.acknowledged)
        exchange.inbox.register(TombstoneService.MESSAGE, watch.told)
    parts = RelocationParts(
        contexts=foundation.contexts,
        identities=foundation.identities,
        composer=sharing.composer,
        tombstones=tombstones,
        counters=foundation.counters,
        tags=SqlOwnTags(),
        patients=foundation.patients,
        patient_rows=SqlPatients(),
        labels=SqlEntryLabels(),
        store=SqlRelocationStore(stores.readers),
        keys=foundation.keys,
    )
    relocations = RelocationService(
        parts,
        writer=stores.writer,
        clock=foundation.clock,
        spread=Spread(settings.window_s, settings.dummies),
    )
    alarm = NoticeAlarm(notices, foundation.institutions)
    loops = [Loop("relocations", relocations.step, _RELOCATION_INTERVAL_S), Loop("notices", alarm.step, _ALARM_INTERVAL_S)]
    return BuiltCustody(Custody(tombstones, watch, relocations, notices), loops)


def build_refiling(foundation: Foundation, services: Services, sharing: Sharing, exchange: Exchange | None) -> RefilingService:
    """Connect what files records under the right patient.

    Args:
        foundation: What it stands on.
        services: Takes documents in.
        sharing: Acts in the log.
        exchange: Tells who read a record; None where there are no other members.
    """
    refiling = RefilingService(
        RefilingParts(
            preparation=foundation.workers,
            ingest=services.node.ingest,
            composer=sharing.composer,
            counters=foundation.counters,
            patients=foundation.patients,
            patient_rows=SqlPatients(),
            identities=foundation.identities,
            labels=SqlEntryLabels(),
            store=SqlRefilingStore(foundation.stores.readers),
            outbox=None if exchange is None else exchange.outbox,
            revised=services.node.custody.notices.revised,
            writer=foundation.stores.writer,
            clock=foundation.clock,
            staged=services.sequencing.staged,
        )
    )
    if exchange is not None:
        exchange.inbox.register(WRONG_PATIENT, refiling.receive)
    return refiling
