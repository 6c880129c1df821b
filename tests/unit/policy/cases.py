"""A request that is permitted, and every single thing that turns it into a denial, by the reason it has."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from node.domain.access import Actor, BlockStamp, ConsentId, Purpose
from node.domain.consent import CarePeriod, ConsentTerms, GrantedItem, Grantee
from node.domain.consent_state import ConsentStanding
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.domain.labels import SensitivityLabel
from node.domain.record import Item, Kind
from node.policy.decision import DenialReason
from node.policy.facts import AccessRequest, ConsentFacts, EmergencyFacts, Facts, HolderRules, RecordFacts, RecordState

B = InstitutionId("hospital-b")
REFERENCE = LeafReference(Origin("hospital-a.example/log"), b"\x07" * 32)
ACTOR = Actor(B, "03.04", "b-17", "110", "password+token", "physician")
REQUEST = AccessRequest(B, ACTOR, Purpose.TREATMENT, REFERENCE)
EMERGENCY_REQUEST = replace(REQUEST, purpose=Purpose.EMERGENCY)
TERMS = ConsentTerms(
    grantee=Grantee(B, ("03.04",), ("physician",)),
    kinds=(Kind("exam-result"),),
    items=(GrantedItem("http://loinc.org", "718-7"),),
    labels=(SensitivityLabel("HIV"),),
    period=CarePeriod(1_000, 2_000),
    purposes=(Purpose.TREATMENT, Purpose.FOLLOW_UP),
    expires_at_s=2_000_000_000,
    max_uses=3,
)
CONSENT = ConsentFacts(
    consent=ConsentId(b"\x05" * 32),
    standing=ConsentStanding.GRANTED,
    staleness_s=5.0,
    revocation_known=False,
    stamp=BlockStamp(17, b"\x06" * 32),
    terms=TERMS,
    asserted_by=None,
    is_of_patient=True,
    uses=2,
)
RECORD = RecordFacts(
    kind=Kind("exam-result"),
    items=(Item("http://loinc.org", "718-7", "", ""),),
    labels=frozenset({SensitivityLabel("HIV")}),
    performed_at_ms=1_000,
    state=RecordState.AVAILABLE,
)
EMERGENCY = EmergencyFacts(b"\x08" * 32, "unconscious after an accident", True, True, True, 2, 9)  # noqa: FBT003 - fields
RULES = HolderRules(5.0, False, frozenset({Purpose.RESEARCH}), 3, 10)  # noqa: FBT003 - a field
FACTS = Facts(True, RECORD, (CONSENT,), EMERGENCY, RULES, 1_700_000_000_000)  # noqa: FBT003 - a field

Change = Callable[[AccessRequest, Facts], tuple[AccessRequest, Facts]]


def consent(**changes: object) -> Change:
    return lambda request, facts: (
        request,
        replace(facts, consents=tuple(replace(each, **changes) for each in facts.consents)),  # type: ignore[arg-type]
    )


def terms(**changes: object) -> Change:
    def change(request: AccessRequest, facts: Facts) -> tuple[AccessRequest, Facts]:
        changed = tuple(
            each if each.terms is None else replace(each, terms=replace(each.terms, **changes))  # type: ignore[arg-type]
            for each in facts.consents
        )
        return request, replace(facts, consents=changed)

    return change


def record(**changes: object) -> Change:
    return lambda request, facts: (
        request,
        replace(facts, record=None if facts.record is None else replace(facts.record, **changes)),  # type: ignore[arg-type]
    )


def asked(**changes: object) -> Change:
    return lambda request, facts: (replace(request, **changes), facts)  # type: ignore[arg-type]


def known(**changes: object) -> Change:
    return lambda request, facts: (request, replace(facts, **changes))  # type: ignore[arg-type]


def emergency(**changes: object) -> Change:
    return lambda request, facts: (
        request,
        replace(facts, emergency=None if facts.emergency is None else replace(facts.emergency, **changes)),  # type: ignore[arg-type]
    )


R = DenialReason
ANY: list[tuple[str, Change, DenialReason]] = [
    ("suspended", known(requester_is_active=False), R.REQUESTER_NOT_ACTIVE),
    ("actor of another institution", asked(actor=replace(ACTOR, institution=InstitutionId("c"))), R.ACTOR_FOREIGN),
    ("record never here", known(record=None), R.RECORD_UNKNOWN),
    ("record erased", record(state=RecordState.ERASED), R.RECORD_ERASED),
    ("record locked", record(state=RecordState.LOCKED), R.RECORD_LOCKED),
]
"""What denies whatever the purpose."""

BY_CONSENT: list[tuple[str, Change, DenialReason]] = [
    ("research not named and refused", asked(purpose=Purpose.RESEARCH), R.PURPOSE_REFUSED),
    ("claim not named", asked(purpose=Purpose.CLAIM), R.PURPOSE_NOT_GRANTED),
    ("none shown", known(consents=()), R.NO_CONSENT),
    ("revoked on chain", consent(standing=ConsentStanding.REVOKED), R.CONSENT_REVOKED),
    ("revocation told by a member", consent(revocation_known=True), R.CONSENT_REVOKED),
    ("chain away", consent(standing=None, staleness_s=math.inf), R.CONSENT_UNKNOWN),
    ("state too old", consent(staleness_s=5.001), R.CONSENT_UNKNOWN),
    ("state of an unknown age", consent(staleness_s=math.nan), R.CONSENT_UNKNOWN),
    ("not on chain", consent(standing=ConsentStanding.UNKNOWN), R.CONSENT_NOT_FOUND),
    ("not final", consent(standing=ConsentStanding.PENDING), R.CONSENT_PENDING),
    ("expired", consent(standing=ConsentStanding.EXPIRED), R.CONSENT_EXPIRED),
    ("scope of another digest", consent(terms=None), R.CONSENT_MISMATCH),
    ("granted to another institution", terms(grantee=Grantee(InstitutionId("c"), None, None)), R.GRANTEE_DIFFERS),
    ("granted to another department", terms(grantee=Grantee(B, ("01",), None)), R.GRANTEE_DIFFERS),
    ("granted to another role", terms(grantee=Grantee(B, None, ("nurse",))), R.GRANTEE_DIFFERS),
    ("granted to no department", terms(grantee=Grantee(B, (), None)), R.GRANTEE_DIFFERS),
    ("asserted by the grantee", consent(asserted_by=B), R.SELF_ASSERTED),
    ("used up", consent(uses=3), R.USES_EXHAUSTED),
    ("another patient's", consent(is_of_patient=False), R.CONSENT_FOREIGN),
    ("label not named", terms(labels=()), R.LABEL_NOT_GRANTED),
    ("one of two labels named", record(labels=frozenset(map(SensitivityLabel, ("HIV", "PSY")))), R.LABEL_NOT_GRANTED),
    ("kind not named", record(kind=Kind("prescription")), R.KIND_NOT_GRANTED),
    ("item not named", record(items=(Item("http://loinc.org", "4548-4", "", ""),)), R.ITEM_NOT_GRANTED),
    ("one of two items named", record(items=(*RECORD.items, Item("http://loinc.org", "1", "", ""))), R.ITEM_NOT_GRANTED),
    ("no items to compare", record(items=()), R.ITEM_NOT_GRANTED),
    ("before the period", record(performed_at_ms=999), R.PERIOD_NOT_GRANTED),
    ("at the period's end", record(performed_at_ms=2_000), R.PERIOD_NOT_GRANTED),
]
"""What denies a request that rests on a consent."""

BY_EMERGENCY: list[tuple[str, Change, DenialReason]] = [
    ("none cited", known(emergency=None), R.EMERGENCY_INCOMPLETE),
    ("without a reason", emergency(reason=" "), R.EMERGENCY_INCOMPLETE),
    ("without a named clinician", asked(actor=replace(ACTOR, staff_number="")), R.EMERGENCY_INCOMPLETE),
    ("stated for another request", emergency(is_stated=False), R.EMERGENCY_INCOMPLETE),
    ("of another patient", emergency(is_of_patient=False), R.EMERGENCY_FOREIGN),
    ("not on chain", emergency(is_on_chain=False), R.EMERGENCY_NOT_OPENED),
    ("too many by the clinician", emergency(recent=3), R.EMERGENCY_LIMIT),
    ("too many by the institution", emergency(recent_of_institution=10), R.EMERGENCY_LIMIT),
]
"""What denies an emergency."""
