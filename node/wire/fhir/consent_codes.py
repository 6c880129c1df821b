"""The codes of FHIR and HL7 v3 that a Consent is read and written with (docs/spec/consent.md "FHIR")."""

from __future__ import annotations

from typing import Final

from node.domain.access import Purpose

ACT_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ACT_REASON: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
CONFIDENTIALITY: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
CONSENT_SCOPE: Final = "http://terminology.hl7.org/CodeSystem/consentscope"
CONSENT_ACTION: Final = "http://terminology.hl7.org/CodeSystem/consentaction"
LOINC: Final = "http://loinc.org"

INSTITUTION: Final = "urn:concord:institution"
"""Identifier system of institutions: their ids in the consortium."""
KIND: Final = "urn:concord:kind"
"""Code system of kinds of records."""
ROLE: Final = "urn:concord:role"
"""Code system of roles of staff."""
DEPARTMENT: Final = "urn:concord:department"
"""Code system of departments (诊疗科目)."""
MAX_USES: Final = "urn:concord:fhir:consent-max-uses"
"""Extension of a provision: how often each holder discloses under it, valuePositiveInt."""

PRIVACY_SCOPE: Final = (CONSENT_SCOPE, "patient-privacy")
RESEARCH_SCOPE: Final = (CONSENT_SCOPE, "research")
SCOPES: Final = frozenset({PRIVACY_SCOPE, RESEARCH_SCOPE})
DISCLOSURE_CATEGORY: Final = (LOINC, "59284-0")
CATEGORIES: Final = frozenset({DISCLOSURE_CATEGORY, (LOINC, "57017-6"), (ACT_CODE, "IDSCL"), (ACT_CODE, "INFA")})
"""Patient consent, privacy policy (organization), information disclosure, information access."""
OPT_IN_RULE: Final = (ACT_CODE, "OPTIN")
OPT_IN: Final = frozenset({OPT_IN_RULE})
RECIPIENT: Final = (PARTICIPATION, "IRCP")
RECIPIENTS: Final = frozenset({RECIPIENT, (PARTICIPATION, "PRCP")})
ACCESS_ACTION: Final = (CONSENT_ACTION, "access")
ACCESS: Final = frozenset({ACCESS_ACTION})

ORDINARY: Final = frozenset({"N"})
"""Confidentiality of ordinary records."""
RESTRICTED: Final = frozenset({"R", "V"})
"""Confidentiality of records that bear a sensitivity code."""

WRITTEN_PURPOSES: Final = {
    Purpose.TREATMENT: "TREAT",
    Purpose.CLAIM: "CLMATTCH",
    Purpose.FOLLOW_UP: "COC",
    Purpose.RESEARCH: "HRESCH",
}
"""How each purpose is written. Emergency (ETREAT, BTG) is none that a consent grants."""
PURPOSES: Final = {(ACT_REASON, code): purpose for purpose, code in WRITTEN_PURPOSES.items()} | {
    (ACT_REASON, "HPAYMT"): Purpose.CLAIM,
    (ACT_REASON, "CAREMGT"): Purpose.FOLLOW_UP,
}
"""How each purpose is read."""
