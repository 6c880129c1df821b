"""A check that is only asserted can say anything: verification ends in a verdict or in a refusal, and never in a fault."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from node.domain.trust import TrustRoot
from node.errors import EvidenceRefutedError, WireError
from node.wire.certificate.file import DecisionCertificate, parse_certificate
from node.wire.certificate.verification import verify_certificate
from node.wire.evidence.file import parse_evidence
from node.wire.trust_root import parse_trust_root

VECTORS = Path(__file__).parents[2] / "conformance" / "vectors" / "decision-certificate"
NOW = datetime(2026, 3, 2, tzinfo=UTC)


@cache
def material() -> tuple[DecisionCertificate, bytes, TrustRoot]:
    """Return the vector with its check asserted instead of logged, that check's text, and the trust root."""
    certificate = parse_certificate((VECTORS / "published-and-read.certificate.json").read_bytes())
    at = certificate.check
    assert at is not None
    (body,) = parse_evidence(certificate.lines[at].evidence or b"").parts
    lines = (*certificate.lines[:at], *certificate.lines[at + 1 :])

    def moved(places: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(each - (each > at) for each in places)

    (reversal,) = moved((certificate.reversal or 0,))
    asserted = replace(
        certificate,
        lines=lines,
        check=None,
        check_text=body.content,
        reversal=reversal,
        results=moved(certificate.results),
        later=moved(certificate.later),
        receipts=moved(certificate.receipts),
    )
    return asserted, body.content, parse_trust_root((VECTORS / "published-and-read.trust-root.note").read_bytes())


def places(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the place of everything in a document."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield from places(each, (*path, name))


PLACES = sorted(places(json.loads(material()[1])), key=str)
numbers = st.integers(-(2**63), 2**63 - 1) | st.integers(-10, 10) | st.sampled_from((1772366400000, 253_402_300_800_000))
values: st.SearchStrategy[object] = (
    numbers | st.booleans() | st.none() | st.text(max_size=5) | st.just([]) | st.sampled_from(("LAB-K", "no-mark", "anchored"))
)


def verify(text: bytes) -> None:
    asserted, _, root = material()
    verify_certificate(replace(asserted, check_text=text), root, now=NOW)


def test_the_check_as_it_was_holds() -> None:
    verify(material()[1])


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES), values), min_size=1, max_size=3))
def test_a_check_that_says_anything(changes: list[tuple[tuple[str | int, ...], object]]) -> None:
    document: Any = json.loads(material()[1])
    for path, value in changes:
        here = document
        try:
            for name in path[:-1]:
                here = here[name]
            if path:
                here[path[-1]] = value
        except (TypeError, KeyError, IndexError):
            continue  # an earlier change took the place away
    with contextlib.suppress(EvidenceRefutedError, WireError):
        verify(msgspec.json.encode(document))
