"""One field of a decision certificate is changed: it is refuted, unreadable, or claims what it claimed before and no more."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.domain.certificate_verdict import CertificateVerdict
from node.domain.trust import TrustRoot
from node.domain.verdict import Finding
from node.errors import EvidenceRefutedError, WireError
from node.wire.certificate.file import parse_certificate
from node.wire.certificate.verification import verify_certificate
from node.wire.trust_root import parse_trust_root

pytestmark = pytest.mark.slow

VECTORS = Path(__file__).parents[2] / "conformance" / "vectors" / "decision-certificate"
NAMES = ("published-and-read", "recognised-and-taken-back")
NOW = datetime(2026, 3, 2, tzinfo=UTC)
NESTED = "evidence"
"""A file within the file: its fields are changed one by one as well."""

Path_ = tuple[str | int, ...]


def unpacked(data: bytes) -> Any:  # noqa: ANN401 - JSON
    """Return a certificate as JSON, the evidence in its lines as JSON too."""
    document = json.loads(data)
    for line in document["lines"]:
        line[NESTED] = None if line[NESTED] is None else json.loads(line[NESTED])
    return document


def packed(document: Any) -> bytes:  # noqa: ANN401 - JSON
    """Return a file of what `unpacked` returned, whatever became of it."""
    lines = document["lines"] if isinstance(document, dict) and isinstance(document.get("lines"), list) else []
    for line in lines:
        if isinstance(line, dict) and isinstance(line.get(NESTED), dict | list):
            line[NESTED] = json.dumps(line[NESTED], ensure_ascii=False, separators=(",", ":"))
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def claims(verdict: CertificateVerdict) -> CertificateVerdict:
    """Return what a verdict claims: all but the words of whoever made the file, which it tells as such."""
    said = tuple(Finding(each.code) if each.code == "later_unknown" else each for each in verdict.not_proved)
    return replace(verdict, not_proved=said)


@cache
def material(name: str) -> tuple[bytes, TrustRoot, CertificateVerdict]:
    data = (VECTORS / f"{name}.certificate.json").read_bytes()
    root = parse_trust_root((VECTORS / f"{name}.trust-root.note").read_bytes())
    return data, root, claims(verify_certificate(parse_certificate(data), root, now=NOW))


def places(value: object, path: Path_ = ()) -> Iterator[tuple[Path_, object]]:
    yield path, value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield from places(each, (*path, name))


@cache
def fields(name: str) -> tuple[tuple[Path_, object], ...]:
    return tuple((path, value) for path, value in places(unpacked(material(name)[0])) if path)


def bent_bytes(text: str, at: int) -> str:
    """Flip a bit of what a text encodes, or of the text itself where it encodes nothing."""
    try:
        data = bytearray(b64decode(text, validate=True))
    except ValueError:
        data = bytearray()
    if not data:
        characters = list(text)
        if characters:
            where = at // 8 % len(characters)
            characters[where] = chr(ord(characters[where]) ^ 1 << at % 4)
        return "".join(characters) or "x"
    data[at // 8 % len(data)] ^= 1 << at % 8
    return b64encode(bytes(data)).decode()


@dataclass(frozen=True)
class Mutation:
    """What is done to one field."""

    at: int
    """Which field, of `fields`."""
    way: str
    number: int

    def of(self, name: str) -> bytes:
        """Return a vector with the field changed."""
        document = unpacked(material(name)[0])
        known = fields(name)
        path, value = known[self.at % len(known)]
        here = document
        for step in path[:-1]:
            here = here[step]
        here[path[-1]] = self._changed(value, known)
        return packed(document)

    def _changed(self, value: Any, known: tuple[tuple[Path_, object], ...]) -> object:  # noqa: ANN401 - JSON
        if self.way == "null":
            return None
        if self.way == "bend" and isinstance(value, str):
            return bent_bytes(value, self.number)
        if self.way == "bend" and type(value) is int:
            return value + (-1, 1, 1_000, 60_000, -60_000)[self.number % 5]
        if self.way == "list" and isinstance(value, list) and value:
            at = self.number // 3 % len(value)
            return ([*value[:at], *value[at + 1 :]], [*value, value[at]], value[::-1])[self.number % 3]
        # another field's value: what is right elsewhere
        others = [other for _, other in known if type(other) is type(value) and other != value]
        return others[self.number % len(others)] if others else 0


mutations = st.builds(
    Mutation, st.integers(0, 2**20), st.sampled_from(("bend", "bend", "bend", "list", "other", "null")), st.integers(0, 2**20)
)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_changed_here_holds(name: str) -> None:
    data, root, claimed = material(name)
    assert claims(verify_certificate(parse_certificate(packed(unpacked(data))), root, now=NOW)) == claimed


def check(data: bytes, name: str) -> None:
    _, root, claimed = material(name)
    try:
        verdict = verify_certificate(parse_certificate(data), root, now=NOW)
    except (EvidenceRefutedError, WireError):
        return
    # the order of documents, the maker's time, a note's unknown signatures: nobody claims anything by them
    assert claims(verdict) == claimed


@settings(deadline=None, max_examples=250)
@given(mutations)
def test_one_field_of_a_certificate(mutation: Mutation) -> None:
    check(mutation.of(NAMES[0]), NAMES[0])


@settings(deadline=None, max_examples=60)
@given(mutations)
def test_one_field_of_an_earlier_releases_certificate(mutation: Mutation) -> None:
    check(mutation.of(NAMES[1]), NAMES[1])
