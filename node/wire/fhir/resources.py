"""FHIR R4 documents as exact slices: a Bundle's entries or one resource, and how references between them resolve.

Implements https://hl7.org/fhir/R4/bundle.html#references: fullUrl first; a relative reference against the base of its
holder's fullUrl; without such a base by type and id, where only one entry has them; `#id` inside the holder.
Resources are sliced out of the input, and decoded only when a record needs them. Left out: conditional references
(`Type?search`), which resolve on servers only, and FHIR XML.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from node.domain.kind import DocumentLimits, FhirPath
from node.errors import (
    DocumentRefusedError,
    LimitExceededError,
    NestingTooDeepError,
    Refusal,
)
from node.wire.json_strict import read_document

BUNDLE_TYPES: Final = frozenset({"collection", "document", "transaction", "batch", "message"})
"""Bundles that bring resources; the others answer requests."""
REFUSED_BUNDLE_TYPES: Final = frozenset({"searchset", "history", "transaction-response", "batch-response"})

_MAX_URL_CHARS: Final = 2048
_TYPE: Final = re.compile(r"[A-Z][A-Za-z]{1,63}")
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_RELATIVE: Final = re.compile(r"[A-Z][A-Za-z]{1,63}/[A-Za-z0-9\-.]{1,64}")
_HISTORY: Final = re.compile(r"/_history/[A-Za-z0-9\-.]{1,64}\Z")
_WEB: Final = ("http://", "https://")
_BRINGS: Final = frozenset({"POST", "PUT"})

Tree = dict[str, Any]
"""A decoded JSON object; Any because FHIR's shape is known only path by path."""


class _Slice(msgspec.Struct):
    resource: msgspec.Raw = msgspec.Raw(b"")


class _Slices(msgspec.Struct):
    entry: list[_Slice] = []


_SLICES: Final = msgspec.json.Decoder(_Slices)
_RAW: Final = msgspec.json.Decoder(msgspec.Raw)


class Resource:
    """One resource of a document, at its place."""

    __slots__ = ("_content", "_is_entry", "_raw", "base", "full_url", "index", "resource_id", "resource_type", "tree")

    def __init__(self, index: int, full_url: str, raw: msgspec.Raw, tree: Tree, *, is_entry: bool) -> None:
        self.index = index
        self.full_url = full_url
        self._is_entry = is_entry
        self.tree = tree
        self.resource_type: str = tree["resourceType"]
        self.resource_id: str = tree.get("id", "")
        self.base = ""
        if full_url.startswith(_WEB):
            suffix = f"{self.resource_type}/{self.resource_id}"
            self.base = full_url.removesuffix(suffix) if full_url.endswith(f"/{suffix}") else ""
        self._raw = raw
        self._content: bytes | None = None

    @property
    def path(self) -> str:
        """Its FHIR path in the document."""
        return f"Bundle.entry[{self.index}].resource" if self._is_entry else self.resource_type

    @property
    def content(self) -> bytes:
        """The exact bytes of the resource; one object, however many records share them."""
        if self._content is None:
            self._content = bytes(self._raw)
        return self._content


class Node(NamedTuple):
    """A resource, or one contained in it."""

    resource: Resource
    """The entry's resource."""
    tree: Tree
    """The resource itself, or what it contains."""
    contained: str
    """Id within the container; empty for the resource itself."""
    resource_type: str
    """FHIR resource type."""


def node_of(resource: Resource) -> Node:
    """Return a resource of the document itself, nothing contained in it."""
    return Node(resource, resource.tree, "", resource.resource_type)


class Document:
    """The resources of a document."""

    def __init__(self, resources: Sequence[Resource], bundle: Tree | None = None) -> None:
        self.resources = resources
        self.bundle: Tree = bundle or {}
        self._by_url = {each.full_url: node_of(each) for each in resources if each.full_url}
        self._by_name: dict[bool, Mapping[str, Resource | None]] = {}
        self._resolved: dict[tuple[str, str], Node | None] = {}

    def resolve(self, reference: str, holder: Node) -> Node | None:
        """Return what a literal reference, not empty, points to, or None where that is not in the document."""
        if reference[0] == "#":
            return _contained(reference[1:], holder)
        found = self._by_url.get(reference)
        if found is not None:
            return found
        # all results of a report name one patient in the same words, who most often is not in the document
        place = reference, holder.resource.base
        if place not in self._resolved:
            self._resolved[place] = self._search(reference, holder.resource.base)
        return self._resolved[place]

    def _search(self, reference: str, base: str) -> Node | None:
        plain = _HISTORY.sub("", reference)
        if not _RELATIVE.fullmatch(plain):
            return self._by_url.get(plain)
        found = self._by_url.get(base + plain)
        if found is not None:
            return found
        named = self._names(without_base=bool(base)).get(plain)
        return None if named is None else node_of(named)

    def _names(self, *, without_base: bool) -> Mapping[str, Resource | None]:
        """Return resources by type and id, all of them or those whose fullUrl has no base."""
        if without_base not in self._by_name:
            self._by_name[without_base] = _by_name(each for each in self.resources if not (without_base and each.base))
        return self._by_name[without_base]

    def follow(self, value: object, holder: Node) -> Node | None:
        """Return what a FHIR Reference points to, or None where that is not in the document."""
        reference = value.get("reference") if isinstance(value, dict) else None
        return self.resolve(reference, holder) if isinstance(reference, str) and reference else None

    def find(self, path: FhirPath, node: Node) -> list[tuple[Node, Any]]:
        """Return all values at a path, each with the resource that holds it."""
        if path.hops[0][0] not in node.tree:
            return []
        if len(path.hops) == 1:
            return [(node, value) for value in walk(node.tree, path.hops[0])]
        nodes = [node]
        for hop in path.hops[:-1]:
            targets = [self.follow(value, each) for each in nodes for value in walk(each.tree, hop)]
            nodes = [each for each in targets if each is not None]
        return [(each, value) for each in nodes for value in walk(each.tree, path.hops[-1])]


def _by_name(resources: Iterable[Resource]) -> Mapping[str, Resource | None]:
    found: dict[str, Resource | None] = {}
    for each in resources:
        name = f"{each.resource_type}/{each.resource_id}"
        # Two of one name: no reference can tell which is meant.
        found[name] = None if name in found else each
    return found


def walk(value: object, names: Sequence[str]) -> list[Any]:
    """Return all values under a run of names, arrays entered element by element, nulls left out."""
    for position, name in enumerate(names):
        # single values, which most are, need no lists
        below_it = value.get(name) if isinstance(value, dict) else None
        if below_it is None:
            return []
        if isinstance(below_it, list):
            return _walk_each([each for each in below_it if each is not None], names[position + 1 :])
        value = below_it
    return [value]


def _walk_each(level: list[Any], names: Sequence[str]) -> list[Any]:
    for name in names:
        below: list[Any] = []
        for each in level:
            found = each.get(name) if isinstance(each, dict) else None
            if isinstance(found, list):
                below += [element for element in found if element is not None] if None in found else found
            elif found is not None:
                below.append(found)
        if not below:
            return below
        level = below
    return level


def split_resources(document: bytes, limits: DocumentLimits) -> Document:
    """Check a document's form and slice its resources out of it.

    Raises:
        MalformedJsonError: Not JSON, or an object names a key twice.
        LimitExceededError: Over `max_document_bytes` or `max_nesting`.
        DocumentRefusedError: Neither a resource nor a Bundle that brings resources.
    """
    if len(document) > limits.max_document_bytes:
        raise LimitExceededError("max_document_bytes", limits.max_document_bytes)
    try:
        tree = read_document(document, limits.max_depth)
    except NestingTooDeepError as error:
        raise LimitExceededError("max_nesting", limits.max_depth) from error
    if isinstance(tree, dict) and tree.get("resourceType") == "Bundle":
        return Document(_read_bundle(document, tree), tree)
    wrong = _check_resource(tree)
    if wrong:
        raise _refused("resourceType", wrong)
    return Document([Resource(0, "", _RAW.decode(document), tree, is_entry=False)])


def _read_bundle(document: bytes, bundle: Tree) -> list[Resource]:
    kind = bundle.get("type")
    if not isinstance(kind, str) or kind not in BUNDLE_TYPES | REFUSED_BUNDLE_TYPES:
        raise _refused("Bundle.type", f"missing or unknown; one of {', '.join(sorted(BUNDLE_TYPES))} is needed")
    if kind in REFUSED_BUNDLE_TYPES:
        raise _refused("Bundle.type", f"a {kind} answers a request; send what it holds as a collection")
    try:
        slices = _SLICES.decode(document).entry
    except msgspec.ValidationError as error:
        raise _refused("Bundle.entry", "not an array of objects") from error
    refusals: list[Refusal] = []
    resources: list[Resource] = []
    urls: set[str] = set()
    for index, (entry, raw) in enumerate(zip(bundle.get("entry", ()), slices, strict=True)):
        made = _read_entry(index, entry, raw.resource, urls)
        if isinstance(made, Resource):
            resources.append(made)
        else:
            refusals.append(made)
    if refusals:
        raise DocumentRefusedError(refusals)
    return resources


def _read_entry(index: int, entry: Tree, raw: msgspec.Raw, urls: set[str]) -> Resource | Refusal:
    request = entry.get("request")
    if request is not None and (not isinstance(request, dict) or request.get("method") not in _BRINGS):
        return _wrong(index, "request.method", "only POST and PUT bring a resource; withdraw a record by its status")
    tree = entry.get("resource")
    wrong = _check_resource(tree)
    if wrong or not isinstance(tree, dict):
        return _wrong(index, "resource", wrong)
    if tree["resourceType"] == "Bundle":
        return _wrong(index, "resource", "a Bundle inside a Bundle; send it by itself")
    full_url = entry.get("fullUrl", "")
    if not isinstance(full_url, str):
        return _wrong(index, "fullUrl", "not a string")
    resource = Resource(index, full_url, raw, tree, is_entry=True)
    wrong = _check_url(resource, urls)
    urls.add(full_url)
    return _wrong(index, "fullUrl", wrong) if wrong else resource


def _wrong(index: int, member: str, reason: str) -> Refusal:
    return Refusal(f"Bundle.entry[{index}].{member}", reason)


def _check_resource(tree: object) -> str:
    """Return why this is not a resource; empty where it is one."""
    if not isinstance(tree, dict):
        return "missing, or not a JSON object"
    kind, name = tree.get("resourceType"), tree.get("id", "-")
    if not isinstance(kind, str) or not _is_type(kind):
        return "no resourceType, or not the name of one"
    if not isinstance(name, str) or not _ID.fullmatch(name):
        return "its id is not a FHIR id: letters, digits, hyphens and dots, at most 64"
    return ""


@lru_cache(maxsize=512)
def _is_type(name: str) -> bool:
    return _TYPE.fullmatch(name) is not None


def _check_url(resource: Resource, urls: set[str]) -> str:
    """Return what is wrong with an entry's fullUrl; empty where nothing is."""
    url = resource.full_url
    if not url:
        return ""
    if url in urls:
        return "another entry has the same fullUrl: references could mean either"
    if len(url) > _MAX_URL_CHARS or not url.isprintable():
        return f"longer than {_MAX_URL_CHARS} characters, or with characters that no URL has"
    if ":" not in url:
        return "not an absolute URI, such as urn:uuid:…"
    restful = url.startswith(_WEB) and _RELATIVE.fullmatch("/".join(url.rsplit("/", 2)[-2:]))
    if restful and resource.resource_id and not resource.base:
        return "it names another type or id than the resource"
    return ""


def _contained(name: str, holder: Node) -> Node | None:
    container = holder.resource
    if not name:
        return node_of(container)
    for each in walk(container.tree, ("contained",)):
        if isinstance(each, dict) and each.get("id") == name:
            return Node(container, each, name, str(each.get("resourceType", "")))
    return None


def _refused(path: str, reason: str) -> DocumentRefusedError:
    return DocumentRefusedError([Refusal(path, reason)])
