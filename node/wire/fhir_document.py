"""FHIR R4 documents as exact slices: a Bundle's entries or one resource, and how references between them resolve.

Implements https://hl7.org/fhir/R4/bundle.html#references: fullUrl first; a relative reference against the base of its
holder's fullUrl; without such a base by type and id, where only one entry has them; `#id` inside the holder.
Resources are sliced out of the input, and decoded only when a record needs them. Left out: conditional references
(`Type?search`), which resolve on servers only, and FHIR XML.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec
from node.wire.json_strict import check_document

from node.domain.kind import DocumentLimits, FhirPath
from node.errors import (
    DocumentRefusedError,
    LimitExceededError,
    MalformedJsonError,
    NestingTooDeepError,
    Refusal,
)

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


class _Request(msgspec.Struct):
    method: str = ""


class _Entry(msgspec.Struct):
    fullUrl: str = ""  # noqa: N815 - FHIR's name
    resource: msgspec.Raw = msgspec.Raw(b"null")
    request: _Request | None = None


class _Bundle(msgspec.Struct):
    resourceType: str = ""  # noqa: N815 - FHIR's name
    type: Any = None
    entry: list[_Entry] = []


class _Head(msgspec.Struct):
    resourceType: str = ""  # noqa: N815 - FHIR's name
    id: str = ""


_BUNDLE: Final = msgspec.json.Decoder(_Bundle)
_HEAD: Final = msgspec.json.Decoder(_Head)
_RAW: Final = msgspec.json.Decoder(msgspec.Raw)
_TREE: Final = msgspec.json.Decoder(Tree)


class Resource:
    """One resource of a document, at its place."""

    __slots__ = ("_content", "_raw", "base", "full_url", "index", "path", "resource_id", "resource_type")

    def __init__(self, index: int, path: str, full_url: str, raw: msgspec.Raw, head: _Head) -> None:
        self.index = index
        self.path = path
        self.full_url = full_url
        self.resource_type = head.resourceType
        self.resource_id = head.id
        self.base = ""
        if full_url.startswith(_WEB):
            suffix = f"{head.resourceType}/{head.id}"
            self.base = full_url.removesuffix(suffix) if full_url.endswith(f"/{suffix}") else ""
        self._raw = raw
        self._content: bytes | None = None

    @property
    def content(self) -> bytes:
        """The exact bytes of the resource; one object, however many records share them."""
        if self._content is None:
            self._content = bytes(self._raw)
        return self._content

    def decode(self) -> Tree:
        """Decode the resource."""
        return _TREE.decode(self._raw)


class Node(NamedTuple):
    """A resource, or one contained in it."""

    resource: Resource
    """The entry's resource."""
    tree: Tree
    """The resource itself, or what it contains."""
    contained: str
    """Id within the container; empty for the resource itself."""

    @property
    def resource_type(self) -> str:
        """FHIR resource type."""
        return str(self.tree.get("resourceType", "")) if self.contained else self.resource.resource_type


class Document:
    """The resources of a document."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        self.resources = resources
        self._nodes: dict[int, Node] = {}
        self._by_url = {each.full_url: each for each in resources if each.full_url}
        self._by_name: dict[str, Resource | None] = {}
        self._without_base: dict[str, Resource | None] = {}
        for each in resources:
            name = f"{each.resource_type}/{each.resource_id}"
            # Two of one name: no reference can tell which is meant.
            self._by_name[name] = None if name in self._by_name else each
            if not each.base:
                self._without_base[name] = None if name in self._without_base else each

    def node(self, resource: Resource) -> Node:
        """Return a resource, decoded once."""
        # Kept here, not in the resource: a reference cycle would leave every document to the garbage collector.
        node = self._nodes.get(resource.index)
        if node is None:
            node = self._nodes[resource.index] = Node(resource, resource.decode(), "")
        return node

    def resolve(self, reference: str, holder: Node) -> Node | None:
        """Return what a literal reference, not empty, points to, or None where that is not in the document."""
        if reference[0] == "#":
            return self._contained(reference[1:], holder)
        found = self._by_url.get(reference)
        if found is None:
            plain = _HISTORY.sub("", reference)
            base = holder.resource.base
            found = self._by_url.get(base + plain)
            if found is None and _RELATIVE.fullmatch(plain):
                found = (self._without_base if base else self._by_name).get(plain)
        return None if found is None else self.node(found)

    def follow(self, value: object, holder: Node) -> Node | None:
        """Return what a FHIR Reference points to, or None where that is not in the document."""
        reference = value.get("reference") if isinstance(value, dict) else None
        return self.resolve(reference, holder) if isinstance(reference, str) and reference else None

    def _contained(self, name: str, holder: Node) -> Node | None:
        container = self.node(holder.resource)
        if not name:
            return container
        for each in walk(container.tree, ("contained",)):
            if isinstance(each, dict) and each.get("id") == name:
                return Node(holder.resource, each, name)
        return None

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


def walk(value: object, names: Sequence[str]) -> list[Any]:
    """Return all values under a run of names, arrays entered element by element, nulls left out."""
    level = [value]
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


def read_document(document: bytes, limits: DocumentLimits) -> Document:
    """Check a document's form and find its resources.

    Raises:
        MalformedJsonError: Not JSON, or an object names a key twice.
        LimitExceededError: Over `max_document_bytes` or `max_depth`.
        DocumentRefusedError: Neither a resource nor a Bundle that brings resources.
    """
    if len(document) > limits.max_document_bytes:
        raise LimitExceededError("max_document_bytes", limits.max_document_bytes)
    try:
        check_document(document, limits.max_depth)
    except NestingTooDeepError as error:
        raise LimitExceededError("max_depth", limits.max_depth) from error
    try:
        bundle = _BUNDLE.decode(document)
    except msgspec.ValidationError as error:
        # Whatever has these fields in another shape is no Bundle, and may be a resource all the same.
        return Document([_read_single(document, str(error))])
    except msgspec.DecodeError as error:
        raise MalformedJsonError("document", "not JSON that FHIR allows") from error
    if bundle.resourceType == "Bundle":
        return Document(_read_bundle(bundle))
    return Document([_read_single(document, "")])


def _read_single(document: bytes, why_no_bundle: str) -> Resource:
    whole = _RAW.decode(document)
    head = _read_head(whole)
    if isinstance(head, str):
        raise _refused("resourceType", head)
    if head.resourceType == "Bundle":
        raise _refused("Bundle", f"not the shape of a Bundle: {why_no_bundle}")
    return Resource(0, head.resourceType, "", whole, head)


def _read_bundle(bundle: _Bundle) -> list[Resource]:
    if not isinstance(bundle.type, str) or bundle.type not in BUNDLE_TYPES | REFUSED_BUNDLE_TYPES:
        raise _refused("Bundle.type", f"missing or unknown; one of {', '.join(sorted(BUNDLE_TYPES))} is needed")
    if bundle.type in REFUSED_BUNDLE_TYPES:
        raise _refused("Bundle.type", f"a {bundle.type} answers a request; send what it holds as a collection")
    refusals: list[Refusal] = []
    resources: list[Resource] = []
    urls: set[str] = set()
    for index, entry in enumerate(bundle.entry):
        made = _read_entry(index, entry, urls)
        if isinstance(made, Resource):
            resources.append(made)
        else:
            refusals.append(made)
    if refusals:
        raise DocumentRefusedError(refusals)
    return resources


def _read_entry(index: int, entry: _Entry, urls: set[str]) -> Resource | Refusal:
    path = f"Bundle.entry[{index}]"
    if entry.request is not None and entry.request.method not in _BRINGS:
        return Refusal(f"{path}.request.method", "only POST and PUT bring a resource; withdraw a record by its status")
    head = _read_head(entry.resource)
    if isinstance(head, str):
        return Refusal(f"{path}.resource", head)
    if head.resourceType == "Bundle":
        return Refusal(f"{path}.resource", "a Bundle inside a Bundle; send it by itself")
    resource = Resource(index, f"{path}.resource", entry.fullUrl, entry.resource, head)
    wrong = _check_url(resource, urls)
    urls.add(entry.fullUrl)
    return Refusal(f"{path}.fullUrl", wrong) if wrong else resource


def _read_head(raw: msgspec.Raw) -> _Head | str:
    """Return type and id of a resource, or what is wrong with it."""
    try:
        head = _HEAD.decode(raw)
    except msgspec.DecodeError:
        return "not a FHIR resource: a JSON object with a resourceType and a string as id is needed"
    if not _is_type(head.resourceType):
        return "no resourceType, or not the name of one"
    if head.id and not _ID.fullmatch(head.id):
        return "its id is not a FHIR id: letters, digits, hyphens and dots, at most 64"
    return head


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


def _refused(path: str, reason: str) -> DocumentRefusedError:
    return DocumentRefusedError([Refusal(path, reason)])
