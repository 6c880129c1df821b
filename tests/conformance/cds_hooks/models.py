"""Validate JSON by the logical models that HL7 publishes for CDS Hooks (FHIR Shorthand), read from their own text.

Elements, cardinality, types, bindings of the tools' value sets and every invariant; nothing that a model does not name may
be there. Knows nothing of `node`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

VECTORS = Path(__file__).parent.parent / "vectors" / "cds-hooks"

_ELEMENT = re.compile(
    r"^\* (?P<path>[\w.]+) (?P<low>\d)\.\.(?P<high>[1*]) (?P<type>contentReference )?(?P<of>\S+)"
    r'(?: "(?P<short>[^"]*)")?'
)
_BOUND = re.compile(r"^\* (?P<path>[\w.]+) from \S+ \(required\)")
_NAMED = re.compile(r'^\* (?P<path>[\w.]+) \^extension\[[=+\d]+\]\.valueString = "(?P<name>[a-z_]+)"')
_KEYED = re.compile(r"^\* (?P<path>[\w.]+) \^extension\S*\.valueCode = #key")
_OBEYS = re.compile(r"^\* (?:(?P<path>[\w.]+) )?obeys (?P<ids>.+)$")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_SUGGESTED = ("all", "any", "at-most-one")

Json = Any

INVARIANTS: dict[str, Callable[[Json], bool]] = {
    "cds-fb-1": lambda it: it["outcome"] in {"accepted", "overridden"},
    "cds-fb-2": lambda it: it["outcome"] != "accepted" or bool(it.get("acceptedSuggestions")),
    "cds-fb-3": lambda it: "reason" in it or "userComment" in it,
    "cds-r-1": lambda it: "fhirAuthorization" not in it or "fhirServer" in it,
    "cds-r-2": lambda it: "patient/" not in it["scope"] or "patient" in it,
    "cds-resp-1": lambda it: (
        it.get("selectionBehavior") != "at-most-one" or sum("isRecommended" in each for each in it.get("suggestions", [])) <= 1
    ),
    "cds-resp-2": lambda it: it["type"] != "delete" or ("resourceId" in it and "resource" not in it),
    "cds-resp-3": lambda it: it["type"] == "smart" or "appContext" not in it,
    "cds-resp-4": lambda it: bool(it.get("display")),
    "cds-resp-5": lambda it: all(each.get("description") for each in it.get("actions", [])),
    "cds-resp-6": lambda it: "suggestions" not in it or "selectionBehavior" in it,
    "cds-resp-7": lambda it: it.get("actionSelectionBehavior", "all") in _SUGGESTED,
}
"""The invariants' FHIRPath expressions, by their ids."""


@dataclass
class Element:
    """One element of a model."""

    low: int
    high: str
    type: str
    short: str
    children: dict[str, Element] = field(default_factory=dict)
    obeys: list[str] = field(default_factory=list)
    is_bound: bool = False
    is_keyed: bool = False


def load_model(name: str) -> Element:
    """Read a model from its file."""
    root = Element(1, "1", "CDSHooksElement", "")
    by_path = {"": root}
    aliases: list[tuple[str, str]] = []
    for line in (VECTORS / f"{name}.fsh").read_text(encoding="utf-8").splitlines():
        if found := _ELEMENT.match(line):
            above, _, own = found["path"].rpartition(".")
            by_path[found["path"]] = Element(int(found["low"]), found["high"], found["of"].rpartition("/")[2], found["short"] or "")
            by_path[above].children[own] = by_path[found["path"]]
            if found["type"]:
                aliases.append((found["path"], found["of"].removeprefix(f"#{name}.")))
        elif found := _BOUND.match(line):
            by_path[found["path"]].is_bound = True
        elif found := _KEYED.match(line):
            by_path[found["path"]].is_keyed = True
        elif found := _NAMED.match(line):
            above, _, own = found["path"].rpartition(".")
            by_path[above].children[found["name"]] = by_path[above].children.pop(own)
        elif found := _OBEYS.match(line):
            by_path[found["path"] or ""].obeys += found["ids"].split(" and ")
    for path, of in aliases:
        by_path[path].children, by_path[path].type = by_path[of].children, by_path[of].type
    return root


def published_invariants() -> set[str]:
    """Return the ids of all invariants that are published."""
    return {each.stem for each in VECTORS.glob("cds-*.fsh")}


def faults(model: Element, value: Json, at: str = "$") -> Iterator[str]:
    """Yield what is wrong with a value."""
    yield from (f"{at}: {each}" for each in model.obeys if isinstance(value, dict) and not INVARIANTS[each](value))
    if model.is_keyed:
        if not isinstance(value, dict):
            yield f"{at}: no object of keys"
            return
        for key, each in value.items():
            yield from faults(model.children["value"], each, f"{at}.{key}")
    elif model.type == "CDSHooksElement":
        yield from _object_faults(model, value, at)
    else:
        yield from _value_faults(model, value, at)


def _object_faults(model: Element, value: Json, at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: no object"
        return
    yield from (f"{at}.{name}: not in the model" for name in value.keys() - model.children.keys() - {"extension"})
    for name, element in model.children.items():
        if name not in value:
            if element.low:
                yield f"{at}.{name}: missing"
        elif element.high == "*" and not element.is_keyed:
            if not isinstance(value[name], list):
                yield f"{at}.{name}: no array"
                continue
            for place, each in enumerate(value[name]):
                yield from faults(element, each, f"{at}.{name}[{place}]")
        else:
            yield from faults(element, value[name], f"{at}.{name}")


def _value_faults(model: Element, value: Json, at: str) -> Iterator[str]:
    check = _TYPES.get(model.type, _is_object)
    is_good = check(value)
    if is_good and model.is_bound:
        is_good = value in re.split(r", | \| ", model.short.split(" - ")[0])
    if not is_good:
        yield f"{at}: not a {model.type}"


def _is_text(value: Json) -> bool:
    return isinstance(value, str) and bool(value)


def _is_object(value: Json) -> bool:
    return isinstance(value, dict)


def _is_coding(value: Json) -> bool:
    return isinstance(value, dict) and value.keys() <= {"system", "code", "display", "version"} and bool(value.get("code"))


def _is_resource(value: Json) -> bool:
    return value is None or (isinstance(value, dict) and isinstance(value.get("resourceType"), str))


_TYPES: dict[str, Callable[[Json], bool]] = {
    "string": _is_text,
    "markdown": _is_text,
    "code": _is_text,
    "id": _is_text,
    "uuid": lambda value: isinstance(value, str) and _UUID.fullmatch(value) is not None,
    "url": lambda value: isinstance(value, str) and bool(urlsplit(value).scheme),
    "instant": lambda value: isinstance(value, str) and _INSTANT.fullmatch(value) is not None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "Coding": _is_coding,
    "Resource": _is_resource,
}
