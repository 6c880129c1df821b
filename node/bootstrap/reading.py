"""What is read across institutions, connected: the holder's side, finding, and retrieval with its loop."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from node.adapters.database.consents.store import SqlConsentStore
from node.adapters.database.custody.withdrawals import SqlWithdrawalStore
from node.adapters.database.reading.disclosures import SqlDisclosureStore, SqlHeldEntries
from node.adapters.database.reading.retrievals import SqlRetrievalStore
from node.adapters.database.records.own_entries import SqlPatientNumbers
from node.adapters.keys.files import read_locator_secrets
from node.bootstrap.consents import BuiltConsents
from node.bootstrap.exchange import BuiltExchange
from node.bootstrap.foundation import Foundation
from node.bootstrap.services import Services, disclosure_service
from node.bootstrap.sharing import Sharing
from node.domain.access import Purpose
from node.domain.consent import PresentedConsent
from node.domain.consent_message import EmergencyId
from node.domain.entry import InstitutionId
from node.errors import ConsentsOffError
from node.identity.code_text import PatientCard
from node.policy.facts import HolderRules
from node.services.consents.emergency_alarms import ALARM, EmergencyAlarms
from node.services.consents.emergency_check import EmergencyCheck, no_emergencies
from node.services.loops import Loop
from node.services.members.membership import Membership
from node.services.reading.access_facts import AccessFacts, CheckEmergency, FactSources
from node.services.reading.disclosures import DisclosureLimits, DisclosureParts, Disclosures
from node.services.reading.finding_patients import FindParts, PatientFinding, PatientLike
from node.services.reading.holder import Holder
from node.services.reading.retrieval import KeptConsents, Retrieval, RetrievalParts
from node.services.reading.retrieval_work import RetrievalWork, WorkParts
from node.services.surface.consenting import Consenting
from node.services.surface.reading import Reading
from node.wire.consent.message import encode_signed_message
from node.wire.consent.text import parse_scope
from node.wire.members.disclosure import MAX_CONSENTS, CitedEmergency

_LOOK_INTERVAL_S = 1.0
"""How often requests that are due are looked for; new ones are sent at once."""


@dataclass(frozen=True, slots=True)
class BuiltReading:
    """The services, and their loops."""

    services: Reading
    """What the API uses."""
    loops: Sequence[Loop]
    """To be started with the node."""


def build_reading(
    foundation: Foundation,
    services: Services,
    sharing: Sharing,
    exchange: BuiltExchange | None,
    consents: BuiltConsents,
    stack: contextlib.ExitStack,
) -> BuiltReading | None:
    """Connect the services; nothing is started. None where nothing says who the members are."""
    directory = sharing.membership
    if directory is None or exchange is None:
        return None
    alarms = EmergencyAlarms(exchange.services.outbox)
    exchange.services.inbox.register(ALARM, alarms.heard)
    holder = _holder(foundation, services, sharing, directory, consents.services, alarms)
    finding = _finding(foundation, services, sharing, directory)
    store = SqlRetrievalStore(foundation.stores.readers)
    retrieval = Retrieval(
        RetrievalParts(
            finding=finding,
            store=store,
            disclosure=disclosure_service(foundation),
            keys=foundation.keys,
            writer=foundation.stores.writer,
            clock=foundation.clock,
            kept_consents=_kept_consents(foundation, finding),
            cite=lambda institution, emergency: _cite(consents.services, institution, emergency),
            announce=alarms.announce,
        )
    )
    work = RetrievalWork(
        WorkParts(
            store=store,
            clients=exchange.clients,
            identities=foundation.identities,
            trust_root=lambda: foundation.trust_root,
            composer=sharing.composer,
            keys=foundation.keys,
            writer=foundation.stores.writer,
            clock=foundation.clock,
            staged=services.sequencing.staged,
            origins={each.institution: each.origin for each in foundation.institutions.values()},
            changed=retrieval.changed,
        )
    )
    stack.callback(work.close)
    loop = Loop("retrieval", work.begin, _LOOK_INTERVAL_S, work.finish)
    retrieval.on_news(loop.wake)
    work.on_news(loop.wake)
    return BuiltReading(Reading(holder, finding, retrieval, work), [loop])


def _holder(
    foundation: Foundation,
    services: Services,
    sharing: Sharing,
    directory: Membership,
    consenting: Consenting | None,
    alarms: EmergencyAlarms,
) -> Holder:
    stores, clock, settings = foundation.stores, foundation.clock, foundation.settings
    check: CheckEmergency = no_emergencies
    if consenting is not None:
        check = EmergencyCheck(consenting.watch, directory, consenting.domain, clock)
    facts = AccessFacts(
        FactSources(
            directory=directory,
            held=SqlHeldEntries(stores.readers, foundation.patients.open_owner),
            patients=foundation.patients,
            identities=foundation.identities,
            states=None if consenting is None else consenting.watch,
            locks=SqlWithdrawalStore(stores.readers),
            check_emergency=check,
            clock=clock,
        )
    )
    parts = DisclosureParts(
        facts=facts,
        evidence=services.node.evidence,
        store=SqlDisclosureStore(),
        composer=sharing.composer,
        keys=foundation.keys,
        clock=clock,
        staged=services.sequencing.staged,
        alarm=alarms.disclosed,
        disclosed=services.node.custody.notices.disclosed,
    )
    limits = settings.disclosure
    rules = HolderRules(
        max_staleness_s=settings.consents.max_staleness_s,
        accepts_self_asserted=not settings.consents.refuse_self_asserted,
        refused_purposes=frozenset(Purpose(purpose) for purpose in limits.refused_purposes),
        max_emergencies=limits.max_emergencies_per_hour,
        max_emergencies_of_institution=limits.max_emergencies_per_hour_of_institution,
    )
    origins = {each.institution: each.origin for each in foundation.institutions.values()}
    return Holder(Disclosures(parts, DisclosureLimits(rules, limits.max_denials_per_hour), origins), directory, clock)


def _finding(foundation: Foundation, services: Services, sharing: Sharing, directory: Membership) -> PatientFinding:
    return PatientFinding(
        FindParts(
            finder=services.following.finder,
            index=foundation.followed.index,
            directory=directory,
            patients=foundation.patients,
            numbers=SqlPatientNumbers(foundation.stores.readers),
            locator_secrets=read_locator_secrets(foundation.settings.keys),
            composer=sharing.composer,
            writer=foundation.stores.writer,
            clock=foundation.clock,
            staged=services.sequencing.staged,
            origins={each.institution: each.origin for each in foundation.institutions.values()},
            is_revoked=SqlConsentStore(foundation.stores.readers).is_revoked,
            withdrawals=SqlWithdrawalStore(foundation.stores.readers),
        )
    )


def _kept_consents(foundation: Foundation, finding: PatientFinding) -> KeptConsents:
    """Return what finds the consents that an institution keeps of a patient and may show: those granted to itself."""
    store = SqlConsentStore(foundation.stores.readers)

    def kept(institution: InstitutionId, patient: PatientLike) -> list[PresentedConsent]:
        if isinstance(patient, PatientCard):
            return []
        row = finding.row(institution, patient)
        found = [each for each in store.consents(institution, row.patient_id) if each.revoked_at_ms is None]
        own = [each.presented for each in found if parse_scope(each.presented.scope).terms.grantee.institution == institution]
        return own[:MAX_CONSENTS]

    return kept


def _cite(consenting: Consenting | None, institution: InstitutionId, emergency: EmergencyId) -> CitedEmergency:
    if consenting is None:
        raise ConsentsOffError
    opened = consenting.emergencies.cite(institution, emergency)
    return CitedEmergency(emergency, opened.kept.salt, opened.statement, encode_signed_message(opened.signed))
