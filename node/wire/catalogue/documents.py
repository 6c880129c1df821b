"""Catalogue, regions, institutions, prices, certificates and maps as JSON documents, version 1 (docs/spec/catalogue.md).

A document is pinned by the SHA-256 of its exact bytes. Nothing unknown is read, nothing that stands at its default is
written, each row of a table is a line of its own: two versions can be compared by eye. Left out: what documents say of
each other (`node.terminology.consistency`), tables of people (`sheets`), the log (`entry`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from enum import Enum
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

from node.domain.recognition import DocumentDigest, Pin
from node.errors import MalformedCatalogueError, MalformedJsonError, UnknownFormatError
from node.terminology.bundle import Document, Terminology
from node.terminology.catalogue import Catalogue
from node.terminology.maps import InstitutionMap
from node.terminology.marks import CertificateList
from node.terminology.prices import PriceList
from node.terminology.regions import InstitutionTable, RegionTable
from node.wire.catalogue.rules import Fault, faults_in
from node.wire.json_strict import read_document

FORMATS: Final[Mapping[str, type[Document]]] = {
    "catalogue": Catalogue,
    "regions": RegionTable,
    "institutions": InstitutionTable,
    "prices": PriceList,
    "certificates": CertificateList,
    "institution-map": InstitutionMap,
}
"""Kind of document -> what it holds; `format` in the text is `concord/` and the kind."""

FORMAT_VERSION: Final = 1
PACKAGED_CATALOGUE: Final = Path(__file__).parents[2] / "data" / "catalogue"
PACKAGED_MAPS: Final = Path(__file__).parents[2] / "data" / "maps"
"""Sample documents that come with the node; part of the package, like its code."""

_MAX_DEPTH: Final = 6
_PREFIX: Final = "concord/"
_RUN_BY_SPREADSHEETS: Final = ("=", "+", "-", "@")


def kind_of(document: Document) -> str:
    """Return a document's kind, such as `catalogue`."""
    return next(kind for kind, held in FORMATS.items() if isinstance(document, held))


def parse_document(data: bytes) -> Document:
    """Parse a document of this family.

    Raises:
        MalformedCatalogueError: Not one, or one that contradicts itself.
        UnknownFormatError: A kind or version that this release does not know.
    """
    try:
        members = read_document(data, _MAX_DEPTH)
    except MalformedJsonError as error:
        raise MalformedCatalogueError("document", error.place, error.reason) from error
    if not isinstance(members, dict):
        raise MalformedCatalogueError("document", "/", "not a JSON object")
    kind, version = str(members.pop("format", "")), members.pop("version", None)
    if not kind.startswith(_PREFIX):
        raise MalformedCatalogueError("document", "/format", f"not {_PREFIX} and a kind of document")
    kind = kind.removeprefix(_PREFIX)
    if kind not in FORMATS:
        raise UnknownFormatError("kind of document", kind)
    if version is not FORMAT_VERSION:
        raise UnknownFormatError(f"{kind} version", version)
    document, faults = document_of(kind, members)
    for fault in faults:
        raise MalformedCatalogueError(kind, fault.place, fault.reason)
    if document is None:
        raise MalformedCatalogueError(kind, "/", "not readable")
    return document


def document_of(kind: str, members: Mapping[str, Any]) -> tuple[Document | None, list[Fault]]:
    """Make a document of its members in plain types, and say what is wrong with it."""
    try:
        document: Document = msgspec.convert(members, FORMATS[kind])
    except msgspec.ValidationError as error:
        return None, [_fault(error)]
    kept = _plain(document, defaults=True)
    wrong = [*_unknown(members, kept, ""), *_unspeakable(kept, "")]
    return document, wrong or list(faults_in(document))


def encode_document(document: Document) -> bytes:
    """Encode a document; the same bytes every time.

    Raises:
        MalformedCatalogueError: It contradicts itself.
    """
    kind = kind_of(document)
    stated = _plain(document)
    for fault in (*_unspeakable(stated, ""), *faults_in(document)):
        raise MalformedCatalogueError(kind, fault.place, fault.reason)
    members = {"format": f"{_PREFIX}{kind}", "version": FORMAT_VERSION} | stated
    return b"{\n" + b",\n".join(_member(name, value) for name, value in members.items()) + b"\n}\n"


def digest_of(data: bytes) -> DocumentDigest:
    """Return what pins a document."""
    return DocumentDigest(sha256(data).digest())


def pin_of(document: Document, data: bytes) -> Pin:
    """Return what pins a document that was parsed from these bytes: its kind, whose map it is, its digest."""
    return Pin(kind_of(document), document.institution if isinstance(document, InstitutionMap) else "", digest_of(data))


def load_terminology(documents: Iterable[bytes]) -> Terminology:
    """Put documents together: one of each kind, and a map for each institution that has one.

    Raises:
        MalformedCatalogueError: One is malformed, missing or there twice.
        UnknownFormatError: A kind or version that this release does not know.
    """
    parsed: dict[tuple[str, str], Document] = {}
    pins: list[Pin] = []
    for data in documents:
        document = parse_document(data)
        pin = pin_of(document, data)
        key = (pin.kind, pin.subject)
        if key in parsed:
            raise MalformedCatalogueError(pin.kind, "/", f"there are two of them {pin.subject}".rstrip())
        parsed[key] = document
        pins.append(pin)
    maps = {each.institution: each for each in parsed.values() if isinstance(each, InstitutionMap)}
    singles = {kind: document for (kind, _), document in parsed.items() if kind != "institution-map"}
    for kind in FORMATS.keys() - {"institution-map"} - singles.keys():
        raise MalformedCatalogueError(kind, "/", "there is none; add one, which may be empty")
    return Terminology(
        **singles,  # type: ignore[arg-type]  # by kind
        maps=maps,
        pins=tuple(sorted(pins, key=lambda pin: (pin.kind, pin.subject))),
    )


def _member(name: str, value: object) -> bytes:
    text = msgspec.json.encode(value)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        text = b"[\n" + b",\n".join(b"  " + msgspec.json.encode(row) for row in value) + b"\n ]"
    return b" " + msgspec.json.encode(name) + b": " + text


def _plain(value: object, *, defaults: bool = False) -> Any:  # noqa: ANN401 - JSON of any shape
    """Turn frozen types into what JSON has; fields at their default are left out unless asked for."""
    if dataclasses.is_dataclass(value):
        fields = [(field, getattr(value, field.name)) for field in dataclasses.fields(value)]
        return {field.name: _plain(each, defaults=defaults) for field, each in fields if defaults or each != field.default}
    if isinstance(value, Mapping):
        return {str(key): _plain(each, defaults=defaults) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each, defaults=defaults) for each in value]
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, date) else value


def _unknown(read: object, kept: object, place: str) -> Iterable[Fault]:
    """Yield members that were read and are no field: they would be lost without a word."""
    if isinstance(read, dict) and isinstance(kept, dict):
        for name, value in read.items():
            if name in kept:
                yield from _unknown(value, kept[name], f"{place}/{name}")
            else:
                yield Fault(f"{place}/{name}", "nobody knows this member; leave it out")
    elif isinstance(read, list) and isinstance(kept, list):
        for at, (one, other) in enumerate(zip(read, kept, strict=True)):
            yield from _unknown(one, other, f"{place}/{at}")


def _unspeakable(value: object, place: str) -> Iterator[Fault]:
    """Yield texts that hold what cannot be printed, or that a spreadsheet would run instead of showing."""
    if isinstance(value, str):
        if not value.isprintable() or value.startswith(_RUN_BY_SPREADSHEETS):
            yield Fault(place, "holds what cannot be printed, or starts with one of = + - @, which spreadsheets run")
        return
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield from _unspeakable(each, f"{place}/{name}")


def _fault(error: msgspec.ValidationError) -> Fault:
    """Take place and reason out of msgspec's words: `Expected int, got str - at `$.items[3].code``."""
    reason, _, path = str(error).partition(" - at `$")
    return Fault(path.rstrip("`").replace("[...]", "").replace("[", "/").replace("]", "").replace(".", "/") or "/", reason)
