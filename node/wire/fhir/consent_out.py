"""The terms of a consent as FHIR R4 Consent; what `consent` reads back to the same terms (docs/spec/consent.md "FHIR")."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from node.domain.access import Purpose
from node.domain.consent import ConsentTerms, Grantee
from node.domain.consent_state import ConsentStanding
from node.domain.entry import InstitutionId
from node.wire.fhir import consent_codes as codes

CONSENT: Final = "urn:concord:consent"
"""Identifier system of consents: their ids on chain, hex."""

_ROLE_ID: Final = "grantee"
_STATUS: Final = {
    ConsentStanding.UNKNOWN: "proposed",
    ConsentStanding.PENDING: "proposed",
    ConsentStanding.GRANTED: "active",
    ConsentStanding.EXPIRED: "inactive",
    ConsentStanding.REVOKED: "inactive",
}


def encode_fhir_consent(terms: ConsentTerms, consent: bytes, standing: ConsentStanding, asserted_by: InstitutionId | None) -> bytes:
    """Write a consent as FHIR R4 Consent, JSON.

    Args:
        terms: What is granted.
        consent: Its id.
        standing: What the chain says of it.
        asserted_by: The institution that asserts it; None where the patient signed.
    """
    research = terms.purposes == (Purpose.RESEARCH,)
    tree: dict[str, Any] = {"resourceType": "Consent"}
    if terms.grantee.departments is not None or terms.grantee.roles is not None:
        tree["contained"] = [_role(terms.grantee)]
    tree |= {
        "identifier": [{"system": CONSENT, "value": consent.hex()}],
        "status": _STATUS[standing],
        "scope": _concept(codes.RESEARCH_SCOPE if research else codes.PRIVACY_SCOPE),
        "category": [_concept(codes.DISCLOSURE_CATEGORY)],
        # whose consent it is only a reader with the patient's keys can tell
        "patient": {"display": "the patient whose keys the consent was granted with"},
    }
    if asserted_by is not None:
        tree["organization"] = [_institution(asserted_by)]
    period = {"end": _instant(terms.expires_at_s * 1000 - 1000, fraction=False)}
    tree |= {"policyRule": _concept(codes.OPT_IN_RULE), "provision": {"period": period, "provision": [_permit(terms)]}}
    return msgspec.json.encode(tree)


def _permit(terms: ConsentTerms) -> dict[str, Any]:
    grantee = terms.grantee
    is_role = grantee.departments is not None or grantee.roles is not None
    reference = {"reference": f"#{_ROLE_ID}"} if is_role else _institution(grantee.institution)
    permit: dict[str, Any] = {}
    if terms.max_uses is not None:
        permit["extension"] = [{"url": codes.MAX_USES, "valuePositiveInt": terms.max_uses}]
    permit |= {
        "type": "permit",
        "actor": [{"role": _concept(codes.RECIPIENT), "reference": reference}],
        "action": [_concept(codes.ACCESS_ACTION)],
        "securityLabel": [
            _coding(codes.CONFIDENTIALITY, "N"),
            *([_coding(codes.CONFIDENTIALITY, "R")] if terms.labels else []),
            *(_coding(codes.ACT_CODE, label) for label in terms.labels),
        ],
        "purpose": [_coding(codes.ACT_REASON, codes.WRITTEN_PURPOSES[purpose]) for purpose in terms.purposes],
    }
    if terms.kinds is not None:
        permit["class"] = [_coding(codes.KIND, kind) for kind in terms.kinds]
    if terms.items is not None:
        permit["code"] = [_concept((item.system, item.code)) for item in terms.items]
    care = terms.period
    if care.from_ms is not None or care.until_ms is not None:
        start = {} if care.from_ms is None else {"start": _instant(care.from_ms, fraction=True)}
        end = {} if care.until_ms is None else {"end": _instant(care.until_ms - 1, fraction=True)}
        permit["dataPeriod"] = start | end
    return permit


def _role(grantee: Grantee) -> dict[str, Any]:
    role: dict[str, Any] = {
        "resourceType": "PractitionerRole",
        "id": _ROLE_ID,
        "organization": _institution(grantee.institution),
    }
    if grantee.roles is not None:
        role["code"] = [_concept((codes.ROLE, code)) for code in grantee.roles]
    if grantee.departments is not None:
        role["specialty"] = [_concept((codes.DEPARTMENT, code)) for code in grantee.departments]
    return role


def _institution(institution: InstitutionId) -> dict[str, Any]:
    return {"identifier": {"system": codes.INSTITUTION, "value": institution}}


def _concept(coding: tuple[str, str]) -> dict[str, Any]:
    return {"coding": [_coding(*coding)]}


def _coding(system: str, code: str) -> dict[str, str]:
    return {"system": system, "code": code} if system else {"code": code}


def _instant(time_ms: int, *, fraction: bool) -> str:
    moment = datetime.fromtimestamp(time_ms // 1000, UTC).replace(microsecond=time_ms % 1000 * 1000)
    return moment.isoformat(timespec="milliseconds" if fraction else "seconds").replace("+00:00", "Z")
