"""One record out of a document: its parts, identity, status, times and items, by the rules of its kind.

Everything that is missing is reported with its FHIR path; no message holds a value of the document.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from node.domain.entry import Version
from node.domain.kind import DocumentLimits, FhirPath, FocalType, IdentityRules, MarkRule, StudyRule
from node.domain.labels import LabelTable, SensitivityLabel
from node.domain.record import FHIR_JSON, Item, Part, RecordDraft, RecordIdentity, RecordStatus
from node.errors import LimitExceededError, Refusal
from node.wire.fhir.patients import Subject, check_same_subject, find_subject
from node.wire.fhir.resources import Document, Node, Resource, Tree, node_of, walk
from node.wire.fhir.times import parse_time

_MAX_VERSION: Final = 2**31 - 1
_NOT_VALUES: Final = frozenset({"id", "extension"})
_MAX_MARK: Final = 64
_OID: Final = "urn:oid:"
_SECURITY: Final = ("meta", "security")


class RecordReader:
    """Reads the record that one resource starts; `refusals` tells why where there is none."""

    def __init__(
        self,
        document: Document,
        focal: FocalType,
        resource: Resource,
        rules: IdentityRules,
        limits: DocumentLimits,
        labels: LabelTable,
    ) -> None:
        self._document = document
        self._kind = focal
        self._focal = node_of(resource)
        self._rules = rules
        self._limits = limits
        self._labels = labels
        self._nodes: list[Node] = []
        self.roles: dict[int, str] = {}
        self.refusals: list[Refusal] = []

    def read(self) -> RecordDraft | None:
        """Return the record; None where it was refused.

        Raises:
            LimitExceededError: Over `max_parts` or `max_record_bytes`.
        """
        self._follow()
        status = self._status()
        subject = find_subject(self._document, self._focal, self._rules)
        if isinstance(subject, Refusal):
            self.refusals.append(subject)
        else:
            self._check_subjects(subject)
        for requirement in self._kind.required:
            if not any(self._has(path) for path in requirement.paths):
                self._refuse(requirement.paths[0].text, f"no {requirement.name}: {_one_of(requirement.paths)} is needed")
        performed_at = self._performed_at()
        identity = self._identity()
        issued_at = self._time(self._kind.issued)
        version = self._explicit_version()
        (devices, lots), (mark, certificate) = self._devices(), self._marks()
        if self.refusals or identity is None or performed_at is None or isinstance(subject, Refusal):
            return None
        parts = self._parts()
        return RecordDraft(
            identity=identity,
            status=RecordStatus(status),
            withdraws=status in self._kind.withdraws,
            explicit_version=version,
            performed_at=performed_at,
            issued_at=issued_at,
            parts=parts,
            patient_part=self._number_of(subject.resource),
            patient_number=subject.number,
            items=tuple(dict.fromkeys(self._items())),
            study=self._study(),
            path=self._focal.resource.path,
            labels=self._sensitivity(),
            devices=devices,
            lots=lots,
            mark=mark,
            certificate=certificate,
        )

    # Parts

    def _follow(self) -> None:
        focal, roles, nodes, follow = self._focal, self.roles, self._nodes, self._document.follow
        roles[focal.resource.index] = self._kind.role
        nodes.append(focal)
        seen = {(focal.resource.index, "")}
        for node in nodes:
            for rule in self._kind.follow.get(node.resource_type, ()):
                names = rule.path.hops[0]
                if names[0] not in node.tree:
                    continue
                for value in walk(node.tree, names):
                    target = follow(value, node)
                    if target is None:
                        continue
                    key = (target.resource.index, target.contained)
                    if key not in seen:
                        seen.add(key)
                        nodes.append(target)
                        roles.setdefault(key[0], rule.role)
            if len(roles) > self._limits.max_parts:
                raise LimitExceededError("max_parts", self._limits.max_parts)

    def _parts(self) -> tuple[Part, ...]:
        resources = self._resources()
        parts = tuple(
            [
                Part(FHIR_JSON, role, resource.full_url, resource.content, resource.resource_type)
                for resource, role in zip(resources, self.roles.values(), strict=True)
            ]
        )
        if sum([len(part.content) for part in parts]) > self._limits.max_record_bytes:
            raise LimitExceededError("max_record_bytes", self._limits.max_record_bytes)
        return parts

    def _resources(self) -> list[Resource]:
        by_index = {node.resource.index: node.resource for node in self._nodes}
        return [by_index[index] for index in self.roles]

    def _number_of(self, resource: Resource | None) -> int | None:
        return None if resource is None else list(self.roles).index(resource.index) + 1

    def _check_subjects(self, subject: Subject) -> None:
        for node in self._nodes:
            if node.resource_type in self._kind.same_subject:
                refusal = check_same_subject(self._document, node, subject, self._focal, self._rules)
                if refusal is not None:
                    self.refusals.append(refusal)

    # What a kind needs

    def _status(self) -> str:
        status = self._focal.tree.get("status")
        if not isinstance(status, str) or not status:
            self._refuse("status", "missing")
        elif status not in self._kind.logged and status not in self._kind.withdraws:
            self._refuse("status", "not a status that this kind knows")
        else:
            return status
        return ""

    def _has(self, path: FhirPath) -> bool:
        return any(_says_something(value) for _, value in self._document.find(path, self._focal))

    def _performed_at(self) -> datetime | None:
        refused_before = len(self.refusals)
        time = self._time(self._kind.performed)
        if time is None and len(self.refusals) == refused_before:
            self._refuse(self._kind.performed[0].text, f"no time: {_one_of(self._kind.performed)} is needed")
        return time

    def _time(self, paths: Sequence[FhirPath]) -> datetime | None:
        for path in paths:
            found = self._document.find(path, self._focal)
            if found:
                times = [parse_time(value) if isinstance(value, str) else None for _, value in found]
                known = [time for time in times if time is not None]
                if len(known) == len(found):
                    return min(known)
                self._refuse(path.text, "not a FHIR date and time with its zone")
                return None
        return None

    def _identity(self) -> RecordIdentity | None:
        resource, rules = self._focal.resource, self._rules
        identifiers = walk(self._focal.tree, ("identifier",))
        for system in rules.business_systems:
            for identifier in identifiers:
                if not isinstance(identifier, dict) or identifier.get("system") != system:
                    continue
                value = identifier.get("value")
                if isinstance(value, str) and value and identifier.get("use") != "old":
                    return RecordIdentity(rules.institution, self._kind.kind, resource.resource_type, system, value)
        if resource.resource_id:
            return RecordIdentity(rules.institution, self._kind.kind, resource.resource_type, "", resource.resource_id)
        self._refuse("id", "missing, and no identifier of a configured system: it could not be recognised when it returns")
        return None

    def _explicit_version(self) -> Version | None:
        if self._kind.kind not in self._rules.versioned_kinds:
            return None
        meta = self._focal.tree.get("meta")
        version = meta.get("versionId") if isinstance(meta, dict) else None
        if version is None:
            return None
        if isinstance(version, str) and version.isdecimal() and version.isascii() and 0 < int(version) <= _MAX_VERSION:
            return Version(int(version))
        self._refuse("meta.versionId", "not a whole number from 1 on, which this kind's versions are here")
        return None

    def _refuse(self, path: str, reason: str) -> None:
        self.refusals.append(Refusal(f"{self._focal.resource.path}.{path}", reason))

    # What it is about

    def _items(self) -> list[Item]:
        items: list[Item] = []
        for node in self._nodes:
            for rule in self._kind.items.get(node.resource_type, ()):
                if rule.base.text and rule.base.hops[0][0] not in node.tree:
                    continue
                bases = walk(node.tree, rule.base.hops[0]) if rule.base.text else (node.tree,)
                specimen = self._first(rule.specimen, node)
                names = rule.coding.hops[0]
                for base in bases:
                    codings = [coding for coding in walk(base, names) if _is_coding(coding)]
                    if codings:
                        unit = _first_string(base, rule.unit)
                        items += [Item(coding.get("system", ""), coding["code"], specimen, unit) for coding in codings]
        return items

    def _devices(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return devices and lots, each once; blanks and line ends within a name count as one blank."""
        devices: dict[str, None] = {}
        lots: dict[str, None] = {}
        for node in self._nodes:
            rule = self._kind.devices.get(node.resource_type)
            if rule is not None:
                devices[" ".join(_first_string(node.tree, rule.device).split())] = None
                lots[" ".join(_first_string(node.tree, rule.lot).split())] = None
        return tuple(filter(None, devices)), tuple(filter(None, lots))

    def _marks(self) -> tuple[str, str]:
        """Return the mark and the certificate that the focal resource claims; two of either are refused."""
        rule = self._kind.marks
        if rule is None or rule.tags.hops[0][0] not in self._focal.tree:
            return "", ""
        codings = [coding for coding in walk(self._focal.tree, rule.tags.hops[0]) if _is_coding(coding)]
        return self._claimed(rule, codings, rule.mark_system), self._claimed(rule, codings, rule.certificate_system)

    def _claimed(self, rule: MarkRule, codings: Sequence[Tree], system: str) -> str:
        codes = {coding["code"] for coding in codings if coding.get("system") == system}
        if len(codes) > 1 or any(not code.isprintable() or len(code) > _MAX_MARK for code in codes):
            self._refuse(rule.tags.text, f"two of {system}, or one that is not printable or over {_MAX_MARK} characters")
        return next(iter(codes), "")

    def _sensitivity(self) -> tuple[SensitivityLabel, ...]:
        """Return the labels of the document and of every part: one sensitive observation makes the report sensitive."""
        codings = [
            coding
            for tree in (self._document.bundle, *(node.tree for node in self._nodes))
            if "meta" in tree
            for coding in walk(tree, _SECURITY)
            if _is_coding(coding)
        ]
        found = {self._labels.label(coding.get("system", ""), coding["code"]) for coding in codings}
        return tuple(sorted(label for label in found if label is not None))

    def _first(self, paths: Sequence[FhirPath], node: Node) -> str:
        for path in paths:
            if path.hops[0][0] in node.tree:
                for _, value in self._document.find(path, node):
                    if isinstance(value, str):
                        return value
        return ""

    def _study(self) -> str:
        rule = self._kind.study
        for path in rule.paths:
            for _, identifier in self._document.find(path, self._focal):
                value = identifier.get("value") if isinstance(identifier, dict) else None
                if isinstance(value, str) and _names_a_study(identifier, rule):
                    return value.removeprefix(_OID)
        return ""


def _names_a_study(identifier: Tree, rule: StudyRule) -> bool:
    # Lists and objects where a code belongs have no hash: compare, do not look up.
    codes = walk(identifier, ("type", "coding", "code"))
    return any(identifier.get("system") == system for system in rule.systems) or any(
        code == known for code in codes for known in rule.type_codes
    )


def _is_coding(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("code"), str) and isinstance(value.get("system", ""), str)


def _first_string(base: object, paths: Sequence[FhirPath]) -> str:
    for path in paths:
        for value in walk(base, path.hops[0]):
            if isinstance(value, str):
                return value
    return ""


def _says_something(value: Any) -> bool:  # noqa: ANN401 - any value of FHIR
    if isinstance(value, dict):
        return bool(value.keys() - _NOT_VALUES)
    return value is not None and value not in ("", False)


def _one_of(paths: Sequence[FhirPath]) -> str:
    texts = [path.text for path in paths]
    return texts[0] if len(texts) == 1 else f"one of {', '.join(texts)}"
