"""Whose record it is: the patient's number, from the Patient resource or from the reference to it (FORMATS, Identity).

A number is the identifier of a configured system, else the Patient's id together with the base of its URL, so that ids
of two servers are never taken for one patient. All results in one record must be of one patient.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from node.domain.kind import IdentityRules
from node.domain.record import PatientNumber
from node.errors import Refusal
from node.wire.fhir.resources import Document, Node, Resource, walk

_LITERAL: Final = re.compile(r"(|https?://.+/)Patient/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?")
_CONDITIONAL: Final = re.compile(r"Patient\?identifier=([^|&]*)(?:\||%7[Cc])([^|&]+)")
_NO_PATIENT: Final = re.compile(r"(?:\A|/)(?:Group|Device|Location)/")


@dataclass(frozen=True, slots=True)
class Subject:
    """The patient of a record."""

    number: PatientNumber
    """The hospital's number."""
    resource: Resource | None
    """The Patient resource, where it is an entry of the document."""
    node: Node | None
    """The Patient resource, where the document holds it at all."""


def find_subject(document: Document, focal: Node, rules: IdentityRules) -> Subject | Refusal:
    """Find out whose record a focal resource starts."""
    path = f"{focal.resource.path}.subject"
    subject = focal.tree.get("subject")
    if not isinstance(subject, dict):
        return Refusal(path, "missing")
    node = document.follow(subject, focal)
    if node is not None:
        return _subject_of_resource(node, path, rules)
    if any(each.resource_type == "Patient" for each in document.resources):
        return Refusal(path, "it points to none of the Patients in the document")
    number = _number_of_reference(subject, rules)
    if number is None:
        return Refusal(path, "it names no Patient of the document, no Patient id and no identifier of a known system")
    return Subject(number, None, None)


def check_same_subject(document: Document, part: Node, subject: Subject, focal: Node, rules: IdentityRules) -> Refusal | None:
    """Check that a part which names a Patient names the record's."""
    value = part.tree.get("subject")
    if not isinstance(value, dict) or _same_words(value, part, focal):
        return None
    node = document.follow(value, part)
    if node is not None:
        own = subject.node
        if node.resource_type != "Patient":
            return None
        if own is not None and node.resource is own.resource and node.contained == own.contained:
            return None
    elif _names_no_patient(value) or _number_of_reference(value, rules) == subject.number:
        return None
    path = f"{part.resource.path}.subject"
    return Refusal(path, "not shown to be the patient of the record that this resource is a part of")


def _same_words(value: dict[str, Any], part: Node, focal: Node) -> bool:
    reference = value.get("reference")
    # `#id` is read inside its own holder, a relative reference against its holder's base: there equal words may differ.
    return (
        isinstance(reference, str)
        and not reference.startswith("#")
        and part.resource.base == focal.resource.base
        and reference == focal.tree["subject"].get("reference")
    )


def _names_no_patient(value: dict[str, Any]) -> bool:
    reference = value.get("reference")
    if isinstance(reference, str):
        return _NO_PATIENT.search(reference) is not None
    return "identifier" not in value


def _subject_of_resource(node: Node, path: str, rules: IdentityRules) -> Subject | Refusal:
    if node.resource_type != "Patient":
        return Refusal(path, "not a Patient: a record belongs to one")
    resource = None if node.contained else node.resource
    number = _configured_number(walk(node.tree, ("identifier",)), rules)
    if number is None and resource is not None and resource.resource_id:
        number = PatientNumber(resource.base, resource.resource_id)
    if number is None:
        return Refusal(path, "the Patient has no identifier of a configured system, and no id of its own")
    return Subject(number, resource, node)


def _configured_number(identifiers: list[Any], rules: IdentityRules) -> PatientNumber | None:
    for system in rules.patient_systems:
        for identifier in identifiers:
            if isinstance(identifier, dict) and identifier.get("system") == system and identifier.get("use") != "old":
                value = identifier.get("value")
                if isinstance(value, str) and value:
                    return PatientNumber(system, value)
    return None


def _number_of_reference(subject: dict[str, Any], rules: IdentityRules) -> PatientNumber | None:
    identifiers = walk(subject, ("identifier",))
    reference = subject.get("reference")
    if isinstance(reference, str):
        conditional = _CONDITIONAL.fullmatch(reference)
        if conditional is not None:
            identifiers.append({"system": unquote(conditional[1]), "value": unquote(conditional[2])})
    configured = _configured_number(identifiers, rules)
    if configured is not None:
        return configured
    literal = _LITERAL.fullmatch(reference) if isinstance(reference, str) else None
    if literal is not None:
        return PatientNumber(literal[1], literal[2])
    if rules.patient_systems:
        return None
    found = [each.get("system") for each in identifiers if isinstance(each, dict)]
    systems = tuple(system for system in found if isinstance(system, str) and system)
    return _configured_number(identifiers, IdentityRules(rules.institution, patient_systems=systems))
