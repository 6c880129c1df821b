"""FHIR R4 Consent to the terms of a consent (https://hl7.org/fhir/R4/consent.html, docs/spec/consent.md "FHIR").

A consent here grants and never forbids: one permit under an opt-in, to one institution. Whatever else a Consent says is
refused by its path, because a rule that is passed over may be the one that mattered. Left out: the patient, whom the caller
knows, and what only documents the act (organization, source, verification, text).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from node.domain.access import Purpose
from node.domain.consent import CarePeriod, ConsentTerms, GrantedItem, Grantee
from node.domain.entry import InstitutionId
from node.domain.labels import SensitivityLabel
from node.domain.record import Kind
from node.errors import DocumentRefusedError, MalformedConsentError, Refusal
from node.wire.consent.text import shape_of_terms, terms_of
from node.wire.fhir.consent_codes import (
    ACCESS,
    ACT_CODE,
    CATEGORIES,
    CONFIDENTIALITY,
    INSTITUTION,
    KIND,
    MAX_USES,
    OPT_IN,
    ORDINARY,
    PURPOSES,
    RECIPIENTS,
    RESTRICTED,
    SCOPES,
)
from node.wire.fhir.times import parse_time
from node.wire.json_strict import read_document

_CONSENT_FIELDS: Final = frozenset(
    [
        "resourceType",
        "id",
        "meta",
        "language",
        "text",
        "contained",
        "extension",
        "identifier",
        "status",
        "scope",
        "category",
        "patient",
        "dateTime",
        "performer",
        "organization",
        "sourceAttachment",
        "sourceReference",
        "policyRule",
        "verification",
        "provision",
    ]
)
_ROOT_FIELDS: Final = frozenset({"id", "period", "provision"})
_PERMIT_FIELDS: Final = frozenset(
    ["id", "extension", "type", "period", "actor", "action", "securityLabel", "purpose", "class", "code", "dataPeriod"]
)
_ROLE_FIELDS: Final = frozenset({"resourceType", "id", "organization", "code", "specialty"})
_LITERAL: Final = re.compile(r"Organization/([A-Za-z0-9.-]{1,64})")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WITH_ZONE: Final = re.compile(r".*T.*(?:Z|[+-][0-9]{2}:[0-9]{2})", re.DOTALL)

_Object = Mapping[str, Any]


def parse_fhir_consent(data: bytes, now: datetime) -> ConsentTerms:
    """Read the terms of a FHIR R4 Consent.

    Args:
        data: The resource, JSON.
        now: The time now: a consent that starts later cannot be expressed.

    Raises:
        MalformedJsonError: It is no JSON that can be read in one way only.
        DocumentRefusedError: It says what cannot be expressed, or lacks something; lists every path.
    """
    return _Reading(now).consent(read_document(data))


class _Reading:
    """One resource: refusals are collected, so that the sender sees all of them."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._refusals: list[Refusal] = []

    def consent(self, tree: object) -> ConsentTerms:
        if not isinstance(tree, dict) or tree.get("resourceType") != "Consent":
            raise DocumentRefusedError([Refusal("Consent", "not a Consent resource")])
        self._only(tree, "Consent", _CONSENT_FIELDS)
        if tree.get("status") != "active":
            self._refuse("Consent.status", "not active; only what is granted now can be granted")
        self._coded(tree, "Consent", "scope", SCOPES, "not patient-privacy or research")
        self._coded(tree, "Consent", "category", CATEGORIES, "not a category of consents to disclosure")
        self._coded(tree, "Consent", "policyRule", OPT_IN, "not OPTIN: only what is named is granted here")
        if not isinstance(tree.get("patient"), dict):
            self._refuse("Consent.patient", "missing")
        path, permit, ends = self._permit(tree)
        terms = None if self._refusals and permit is None else self._terms(tree, path, permit or {}, ends)
        if self._refusals or terms is None:
            raise DocumentRefusedError(self._refusals)
        try:
            return terms_of(shape_of_terms(terms))
        except MalformedConsentError as error:
            raise DocumentRefusedError([Refusal("Consent.provision", str(error))]) from error

    def _permit(self, tree: _Object) -> tuple[str, _Object | None, list[tuple[str, datetime]]]:
        """Return the one rule that permits, its path, and where the root ends it."""
        root_path = "Consent.provision"
        root = tree.get("provision")
        if not isinstance(root, dict):
            self._refuse(root_path, "missing: nothing is granted")
            return root_path, None, []
        if root.get("type") == "permit":
            return root_path, root, []
        if "type" in root:
            self._refuse(f"{root_path}.type", "not permit: what is not granted need not be forbidden")
            return root_path, None, []
        self._only(root, root_path, _ROOT_FIELDS)
        rules = root.get("provision")
        if not isinstance(rules, list) or len(rules) != 1 or not isinstance(rules[0], dict):
            self._refuse(f"{root_path}.provision", "not exactly one rule; write a consent for each")
            return root_path, None, []
        path = f"{root_path}.provision[0]"
        if rules[0].get("type") != "permit":
            self._refuse(f"{path}.type", "not permit: what is not granted need not be forbidden")
        return path, rules[0], [] if "period" not in root else [self._validity(root["period"], f"{root_path}.period")]

    def _terms(self, tree: _Object, path: str, permit: _Object, ends: Sequence[tuple[str, datetime]]) -> ConsentTerms | None:
        self._only(permit, path, _PERMIT_FIELDS)
        grantee = self._grantee(tree, path, permit)
        self._actions(path, permit)
        labels = self._labels(path, permit)
        purposes = self._purposes(path, permit)
        kinds, items = self._kinds(path, permit), self._items(path, permit)
        period = self._care(path, permit)
        uses = self._uses(path, permit)
        found = [*ends, *([self._validity(permit["period"], f"{path}.period")] if "period" in permit else [])]
        if not found:
            self._refuse(f"{path}.period", "missing: a consent has an end")
        if self._refusals or grantee is None:
            return None
        return ConsentTerms(
            grantee=grantee,
            kinds=kinds,
            items=items,
            labels=labels,
            period=period,
            purposes=purposes,
            expires_at_s=(min(end for _, end in found) - _EPOCH) // timedelta(seconds=1),
            max_uses=uses,
        )

    def _validity(self, period: object, path: str) -> tuple[str, datetime]:
        start = self._time(period, f"{path}.start", "start", required=False)
        end = self._time(period, f"{path}.end", "end", required=True)
        if start is not None and start > self._now:
            self._refuse(f"{path}.start", "later than now: a consent starts when it is granted")
        if end is not None and end <= self._now:
            self._refuse(f"{path}.end", "over already")
        return path, self._now if end is None else end

    def _care(self, path: str, permit: _Object) -> CarePeriod:
        if "dataPeriod" not in permit:
            return CarePeriod(None, None)
        period, place = permit["dataPeriod"], f"{path}.dataPeriod"
        bounds = [self._time(period, f"{place}.{name}", name, required=False) for name in ("start", "end")]
        start, end = (None if bound is None else (bound - _EPOCH) // timedelta(milliseconds=1) for bound in bounds)
        return CarePeriod(start, end)

    def _time(self, period: object, path: str, name: str, *, required: bool) -> datetime | None:
        """Read one end of a Period; FHIR's end is included, ours is not."""
        text = period.get(name) if isinstance(period, dict) else None
        if text is None and not required:
            return None
        time = parse_time(text) if isinstance(text, str) and _WITH_ZONE.fullmatch(text) else None
        if time is None:
            self._refuse(path, "not a time with seconds and zone; a date alone ends at different times in different places")
            return None
        if name == "start":
            return time
        return time + (timedelta(milliseconds=1) if "." in str(text) else timedelta(seconds=1))

    def _grantee(self, tree: _Object, path: str, permit: _Object) -> Grantee | None:
        actors = permit.get("actor")
        place = f"{path}.actor"
        if not isinstance(actors, list) or len(actors) != 1 or not isinstance(actors[0], dict):
            self._refuse(place, "not exactly one; write a consent for each")
            return None
        actor, place = actors[0], f"{place}[0]"
        self._coded(actor, place, "role", RECIPIENTS, "not a recipient (PRCP, IRCP)")
        reference = actor.get("reference")
        found = reference.get("reference") if isinstance(reference, dict) else None
        if isinstance(found, str) and found.startswith("#"):
            return self._role(tree, found[1:], f"{place}.reference")
        institution = self._institution(reference, f"{place}.reference")
        return None if institution is None else Grantee(institution, None, None)

    def _role(self, tree: _Object, name: str, path: str) -> Grantee | None:
        contained = tree.get("contained")
        for number, each in enumerate(contained if isinstance(contained, list) else []):
            if isinstance(each, dict) and each.get("id") == name and each.get("resourceType") == "PractitionerRole":
                place = f"Consent.contained[{number}]"
                self._only(each, place, _ROLE_FIELDS)
                institution = self._institution(each.get("organization"), f"{place}.organization")
                departments, roles = (self._codes(each, place, field) for field in ("specialty", "code"))
                return None if institution is None else Grantee(institution, departments, roles)
        self._refuse(path, "not a contained PractitionerRole")
        return None

    def _institution(self, reference: object, path: str) -> InstitutionId | None:
        if isinstance(reference, dict):
            identifier = reference.get("identifier")
            if isinstance(identifier, dict) and identifier.get("system") == INSTITUTION and identifier.get("value"):
                return InstitutionId(str(identifier["value"]))
            literal = reference.get("reference")
            match = _LITERAL.fullmatch(literal) if isinstance(literal, str) else None
            if match:
                return InstitutionId(match[1])
        self._refuse(path, f"not an institution: give an identifier of {INSTITUTION} or Organization/<institution>; not persons")
        return None

    def _actions(self, path: str, permit: _Object) -> None:
        actions = permit.get("action")
        if not isinstance(actions, list) or not actions:
            self._refuse(f"{path}.action", "missing: without it every action is meant; access can be granted")
            return
        for number, action in enumerate(actions):
            if not _has(action, ACCESS):
                self._refuse(f"{path}.action[{number}]", "not access: nothing else can be granted")

    def _labels(self, path: str, permit: _Object) -> tuple[SensitivityLabel, ...]:
        found: list[SensitivityLabel] = []
        levels: set[str] = set()
        for number, coding in enumerate(_listed(permit, "securityLabel")):
            system, code = _coding(coding)
            if system == CONFIDENTIALITY and code in ORDINARY | RESTRICTED:
                levels.add(code)
            elif system == ACT_CODE and code:
                found.append(SensitivityLabel(code))
            else:
                self._refuse(f"{path}.securityLabel[{number}]", "neither a confidentiality nor a sensitivity code of HL7 v3")
        if (found or levels) and not levels & ORDINARY:
            self._refuse(f"{path}.securityLabel", "ordinary records (N) are left out, which cannot be expressed")
        if levels & RESTRICTED and not found:
            self._refuse(f"{path}.securityLabel", "restricted records without a sensitivity code: name each")
        return tuple(found)

    def _purposes(self, path: str, permit: _Object) -> tuple[Purpose, ...]:
        codings = _listed(permit, "purpose")
        if not codings:
            self._refuse(f"{path}.purpose", "missing: without it every purpose is meant")
        found: list[Purpose] = []
        for number, coding in enumerate(codings):
            purpose = PURPOSES.get(_coding(coding))
            if purpose is None:
                self._refuse(f"{path}.purpose[{number}]", "not a purpose that can be granted; an emergency needs no consent")
            elif purpose not in found:
                found.append(purpose)
        return tuple(found)

    def _kinds(self, path: str, permit: _Object) -> tuple[Kind, ...] | None:
        if "class" not in permit:
            return None
        found: list[Kind] = []
        for number, coding in enumerate(_listed(permit, "class")):
            system, code = _coding(coding)
            if system != KIND or not code:
                self._refuse(f"{path}.class[{number}]", f"not a kind of record: give a code of {KIND}")
            found.append(Kind(code))
        return tuple(found)

    def _items(self, path: str, permit: _Object) -> tuple[GrantedItem, ...] | None:
        if "code" not in permit:
            return None
        found: list[GrantedItem] = []
        for number, concept in enumerate(_listed(permit, "code")):
            codings = [_coding(coding) for coding in _listed(concept, "coding")]
            if not codings or not all(code for _, code in codings):
                self._refuse(f"{path}.code[{number}]", "no code: a text alone cannot be compared")
            found += [GrantedItem(system, code) for system, code in codings if GrantedItem(system, code) not in found]
        return tuple(found)

    def _uses(self, path: str, permit: _Object) -> int | None:
        found: int | None = None
        for number, extension in enumerate(_listed(permit, "extension")):
            value = extension.get("valuePositiveInt") if isinstance(extension, dict) else None
            if not isinstance(extension, dict) or extension.get("url") != MAX_USES or not isinstance(value, int):
                self._refuse(f"{path}.extension[{number}]", "an extension that is not known here")
            else:
                found = value
        return found

    def _codes(self, tree: _Object, path: str, field: str) -> tuple[str, ...] | None:
        if field not in tree:
            return None
        codes = [_coding(coding)[1] for concept in _listed(tree, field) for coding in _listed(concept, "coding")]
        if not codes or not all(codes):
            self._refuse(f"{path}.{field}", "no code")
        return tuple(codes)

    def _coded(self, tree: _Object, path: str, field: str, allowed: frozenset[tuple[str, str]], reason: str) -> None:
        """Check that every concept of a field has a code that is allowed."""
        value = tree.get(field)
        for number, concept in enumerate(value if isinstance(value, list) and value else [value]):
            if not _has(concept, allowed):
                self._refuse(f"{path}.{field}" + (f"[{number}]" if isinstance(value, list) else ""), reason)

    def _only(self, tree: _Object, path: str, known: frozenset[str]) -> None:
        for field in tree:
            if field not in known:
                self._refuse(f"{path}.{field}", "cannot be expressed, and is not passed over")

    def _refuse(self, path: str, reason: str) -> None:
        self._refusals.append(Refusal(path, reason))


def _listed(tree: object, field: str) -> list[Any]:
    value = tree.get(field) if isinstance(tree, dict) else None
    return value if isinstance(value, list) else []


def _coding(coding: object) -> tuple[str, str]:
    if not isinstance(coding, dict):
        return "", ""
    system, code = coding.get("system"), coding.get("code")
    return system if isinstance(system, str) else "", code if isinstance(code, str) else ""


def _has(concept: object, allowed: frozenset[tuple[str, str]]) -> bool:
    return any(_coding(coding) in allowed for coding in _listed(concept, "coding"))
