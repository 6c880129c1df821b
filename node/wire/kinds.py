"""Kind files: TOML version 1, described in docs/spec/kinds.md. A file that says anything unknown is refused.

Left out: what the rules do with a document (`node.wire.fhir.documents`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from node.domain.kind import DeviceRule, FhirPath, FocalType, FollowRule, ItemRule, KindTable, MarkRule, Requirement, StudyRule
from node.domain.labels import NO_LABELS, LabelTable
from node.domain.record import Kind
from node.errors import MalformedKindError, UnknownFormatError
from node.wire.labels import load_labels

KIND_FILE_VERSION: Final = 1
PACKAGED_KINDS: Final = Path(__file__).parent.parent / "data" / "kinds"
"""The kinds that come with the node; part of the package, like its code."""


class _Study(msgspec.Struct, forbid_unknown_fields=True):
    paths: list[str]
    types: list[str]
    systems: list[str]


class _Focal(msgspec.Struct, forbid_unknown_fields=True):
    resource: str
    role: str
    logged: list[str]
    withdraws: list[str]
    performed: list[str]
    issued: list[str]
    same_subject: list[str]
    required: dict[str, list[str]]
    study: _Study


class _Items(msgspec.Struct, forbid_unknown_fields=True):
    resource: str
    coding: str
    base: str = ""
    specimen: list[str] = []
    unit: list[str] = []


class _Devices(msgspec.Struct, forbid_unknown_fields=True):
    resource: str
    device: list[str]
    lot: list[str]


class _Marks(msgspec.Struct, forbid_unknown_fields=True):
    tags: str
    mark: str
    certificate: str


class _KindFile(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    kind: str
    focal: list[_Focal]
    follow: dict[str, dict[str, str]]
    items: list[_Items]
    devices: list[_Devices] = []
    marks: _Marks | None = None


def load_kinds(folder: Path = PACKAGED_KINDS) -> KindTable:
    """Read every kind file of a folder, by default of the package, and the labels of the package.

    Raises:
        MalformedKindError: A file is not a kind file, or two claim one resource type.
        UnknownFormatError: A file has a version that this release does not know.
    """
    return parse_kinds({path.name: path.read_bytes() for path in sorted(folder.glob("*.toml"))}, load_labels())


def parse_kinds(files: Mapping[str, bytes], labels: LabelTable = NO_LABELS) -> KindTable:
    """Parse kind files, given by name.

    Raises:
        MalformedKindError: A file is not a kind file, or two claim one resource type.
        UnknownFormatError: A file has a version that this release does not know.
    """
    focal_types: dict[str, FocalType] = {}
    for name, data in files.items():
        for focal in _parse_file(name, data):
            if focal.resource_type in focal_types:
                raise MalformedKindError(name, f"{focal.resource_type} already belongs to another kind")
            focal_types[focal.resource_type] = focal
    return KindTable(focal_types, labels)


def parse_path(text: str) -> FhirPath:
    """Parse a path of the kind language, such as `encounter->serviceProvider`; empty for the place itself."""
    hops = tuple(tuple(hop.split(".")) for hop in text.split("->")) if text else ((),)
    return FhirPath(text, hops)


def _parse_file(name: str, data: bytes) -> list[FocalType]:
    try:
        file = msgspec.toml.decode(data, type=_KindFile)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedKindError(name, str(error)) from error
    if file.version != KIND_FILE_VERSION:
        raise UnknownFormatError(f"kind file version in {name}", file.version)
    _check_paths(name, file)
    return [_focal_type(name, file, focal) for focal in file.focal]


def _focal_type(name: str, file: _KindFile, focal: _Focal) -> FocalType:
    if set(focal.logged) & set(focal.withdraws):
        raise MalformedKindError(name, f"{focal.resource}: a status is both logged and withdrawing")
    if not focal.performed or not all(focal.required.values()):
        raise MalformedKindError(name, f"{focal.resource}: time and every requirement need a path")
    return FocalType(
        kind=Kind(file.kind),
        resource_type=focal.resource,
        role=focal.role,
        logged=frozenset(focal.logged),
        withdraws=frozenset(focal.withdraws),
        required=tuple(Requirement(what, _paths(paths)) for what, paths in focal.required.items()),
        performed=_paths(focal.performed),
        issued=_paths(focal.issued),
        study=StudyRule(_paths(focal.study.paths), frozenset(focal.study.types), frozenset(focal.study.systems)),
        follow={
            holder: tuple(FollowRule(holder, parse_path(path), role) for path, role in rules.items())
            for holder, rules in file.follow.items()
        },
        items={
            holder: tuple(_item_rule(rule) for rule in file.items if rule.resource == holder)
            for holder in dict.fromkeys(rule.resource for rule in file.items)
        },
        same_subject=frozenset(focal.same_subject),
        devices={rule.resource: DeviceRule(_paths(rule.device), _paths(rule.lot)) for rule in file.devices},
        marks=None if file.marks is None else MarkRule(parse_path(file.marks.tags), file.marks.mark, file.marks.certificate),
    )


def _item_rule(rule: _Items) -> ItemRule:
    coding = parse_path(rule.coding)
    return ItemRule(rule.resource, parse_path(rule.base), coding, _paths(rule.specimen), _paths(rule.unit))


def _paths(texts: Iterable[str]) -> tuple[FhirPath, ...]:
    return tuple(parse_path(text) for text in texts)


def _check_paths(name: str, file: _KindFile) -> None:
    one_hop = [path for rules in file.follow.values() for path in rules]
    one_hop += [path for rule in file.items for path in (rule.base, rule.coding, *rule.unit) if path]
    one_hop += [path for rule in file.devices for path in (*rule.device, *rule.lot)]
    one_hop += [] if file.marks is None else [file.marks.tags]
    many_hops = [path for rule in file.items for path in rule.specimen]
    for focal in file.focal:
        lists = (focal.performed, focal.issued, focal.study.paths, *focal.required.values())
        many_hops += [path for paths in lists for path in paths]
    for path in one_hop:
        if "->" in path:
            raise MalformedKindError(name, f"path {path!r} follows a reference where none may be followed")
    for path in (*one_hop, *many_hops):
        if not all(segment.isalpha() and segment.isascii() for segment in path.replace("->", ".").split(".")):
            raise MalformedKindError(name, f"path {path!r} is not names joined by dots and arrows")
