"""A decision certificate that was altered: whatever is bent, left out or taken from elsewhere is refuted, or unreadable."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pytest

from node.domain.recognition import ReadLog
from node.errors import (
    BundleLineError,
    CertificateContradictedError,
    DecisionRefutedError,
    EvidenceRefutedError,
    ForeignPatientError,
    LogInclusionError,
    LogSignatureError,
    OpeningRefutedError,
    PinMismatchError,
    ResultRefutedError,
    RetrievalUnprovedError,
    TrustRootExpiredError,
    UnknownLogError,
    WireError,
)
from node.wire.certificate.file import DecisionCertificate, PinnedDocument
from node.wire.certificate.verification import verify_certificate
from node.wire.evidence.bundle import BundleLine
from node.wire.evidence.file import encode_evidence, parse_evidence
from node.wire.recognition.text import CheckText, encode_checks, parse_checks
from tests.unit.members.certificates import correct, end_hour, export, is_complete, recognise, take_back, trust_root, verify
from tests.unit.members.neighbourhood import Neighbourhood
from tests.unit.members.patients import Patient, eventually


@dataclass(frozen=True)
class Material:
    """Certificates that hold."""

    neighbours: Neighbourhood
    asserted: DecisionCertificate
    """With the check as the institution asserts it."""
    logged: DecisionCertificate
    """Of the same decision later: check logged, decision taken back, result corrected."""
    other: DecisionCertificate
    """As `logged`, of another patient's."""


@pytest.fixture(scope="module")
def material(town: Neighbourhood) -> Material:
    asserted, decisions = [], []
    for _ in range(2):
        patient = Patient(town)
        decided = recognise(patient).decision
        asserted.append(export(town, decided.decision_id))
        decisions.append(decided.decision_id)
        town.clock.advance(minutes=6)
        correct(patient)
        take_back(patient, decided)
        end_hour(town)
    found: list[DecisionCertificate] = []

    def are_under_the_same_heads() -> bool:
        found[:] = [export(town, decision, is_complete) for decision in decisions]
        return set(found[0].heads) == set(found[1].heads)

    eventually(are_under_the_same_heads, "the logs do not come to rest")
    return Material(town, asserted[0], found[0], found[1])


def test_what_is_altered_here_holds(material: Material) -> None:
    for certificate in (material.asserted, material.logged, material.other):
        verify(material.neighbours, certificate)


def flipped(data: bytes, at: int = -1) -> bytes:
    bent = bytearray(data)
    bent[at] ^= 1
    return bytes(bent)


def with_line(certificate: DecisionCertificate, at: int, **changes: object) -> DecisionCertificate:
    lines = list(certificate.lines)
    lines[at] = replace(lines[at], **changes)  # type: ignore[arg-type]
    return replace(certificate, lines=tuple(lines))


LINES = ("decision", "reversal", "check", "results", "later", "receipts")
PIECES: dict[str, tuple[Callable[[BundleLine], dict[str, object]], tuple[type[Exception], ...]]] = {
    "leaf": (lambda line: {"leaf": flipped(line.leaf)}, (LogInclusionError,)),
    "index": (lambda line: {"index": line.index + 1}, (LogInclusionError,)),
    "proof": (lambda line: {"proof": (*line.proof[:-1], flipped(line.proof[-1]))}, (LogInclusionError,)),
    "header": (lambda line: {"header": flipped(line.header or b"")}, (BundleLineError,)),
    "data-key": (lambda line: {"data_key": flipped(line.data_key or b"")}, (BundleLineError,)),
    "closed": (lambda _: {"header": None, "data_key": None}, (CertificateContradictedError,)),
}


def places(certificate: DecisionCertificate, part: str) -> tuple[int, ...]:
    found: int | tuple[int, ...] = getattr(certificate, part)
    return found if isinstance(found, tuple) else (found,)


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("part", LINES)
def test_each_piece_of_each_entry(material: Material, part: str, piece: str) -> None:
    bend, errors = PIECES[piece]
    for at in places(material.logged, part):
        with pytest.raises(errors):
            verify(material.neighbours, with_line(material.logged, at, **bend(material.logged.lines[at])))


@pytest.mark.parametrize("part", ["decision", "check"])
def test_each_body(material: Material, part: str) -> None:
    (at,) = places(material.logged, part)
    evidence = parse_evidence(material.logged.lines[at].evidence or b"")
    body, *others = evidence.parts
    cases: list[tuple[Any, type[EvidenceRefutedError]]] = [
        (replace(evidence, parts=(replace(body, content=flipped(body.content, 40)), *others)), OpeningRefutedError),
        (replace(evidence, parts=(replace(body, salt=flipped(body.salt)), *others)), OpeningRefutedError),
        (replace(evidence, parts=()), CertificateContradictedError),
        (replace(evidence, parts=tuple(others)), CertificateContradictedError),
    ]
    cases += [
        (replace(evidence, parts=(body, replace(each, content=flipped(each.content, 40)))), OpeningRefutedError) for each in others
    ]
    for bent, error in cases:
        with pytest.raises(error):
            verify(material.neighbours, with_line(material.logged, at, evidence=encode_evidence(bent)))


@pytest.mark.parametrize("part", ["decision", "reversal", "check"])
def test_evidence_left_out_or_of_another_entry(material: Material, part: str) -> None:
    (at,) = places(material.logged, part)
    with pytest.raises(CertificateContradictedError):
        verify(material.neighbours, with_line(material.logged, at, evidence=None))
    (there,) = places(material.other, part)
    with pytest.raises(BundleLineError):
        verify(material.neighbours, with_line(material.logged, at, evidence=material.other.lines[there].evidence))


FROM_ELSEWHERE = {
    "reversal": (CertificateContradictedError,),
    "check": (CertificateContradictedError,),
    "results": (CertificateContradictedError,),
    "later": (CertificateContradictedError,),
    "receipts": (ForeignPatientError,),
    "decision": (CertificateContradictedError,),
}


@pytest.mark.parametrize("part", FROM_ELSEWHERE)
def test_an_entry_of_another_decision(material: Material, part: str) -> None:
    (at,), (there,) = places(material.logged, part), places(material.other, part)
    line = material.other.lines[there]
    moved = replace(line, head=material.logged.heads.index(material.other.heads[line.head]))
    lines = list(material.logged.lines)
    lines[at] = moved
    with pytest.raises(FROM_ELSEWHERE[part]):
        verify(material.neighbours, replace(material.logged, lines=tuple(lines)))


def test_two_heads_of_one_log(material: Material) -> None:
    heads = (*material.logged.heads, *material.asserted.heads)
    with pytest.raises(CertificateContradictedError):
        verify(material.neighbours, replace(material.logged, heads=heads))


def without(certificate: DecisionCertificate, part: str) -> DecisionCertificate:
    """Leave the entries of a part out."""
    gone = set(places(certificate, part))
    left = [at for at in range(len(certificate.lines)) if at not in gone]

    def moved(at: int | None) -> int | None:
        return None if at is None or at in gone else left.index(at)

    return replace(
        certificate,
        lines=tuple(certificate.lines[at] for at in left),
        decision=left.index(certificate.decision),
        reversal=moved(certificate.reversal),
        check=moved(certificate.check),
        results=tuple(left.index(at) for at in certificate.results if at not in gone),
        later=tuple(left.index(at) for at in certificate.later if at not in gone),
        receipts=tuple(left.index(at) for at in certificate.receipts if at not in gone),
    )


def test_a_receipt_left_out(material: Material) -> None:
    with pytest.raises(RetrievalUnprovedError):
        verify(material.neighbours, without(material.logged, "receipts"))


def test_a_result_left_out(material: Material) -> None:
    with pytest.raises(CertificateContradictedError):
        verify(material.neighbours, without(without(material.logged, "later"), "results"))


def test_what_came_later_can_be_left_out_and_the_verdict_says_so(material: Material) -> None:
    verdict = verify(material.neighbours, without(without(material.logged, "later"), "reversal"))
    assert "later_unknown" in {each.code for each in verdict.not_proved}


def kinds(certificate: DecisionCertificate) -> list[str]:
    return [msgspec.json.decode(each.content or b"{}")["format"].removeprefix("concord/") for each in certificate.documents]


@pytest.mark.parametrize("kind", ["catalogue", "certificates", "institution-map", "institutions", "prices", "regions"])
def test_each_document(material: Material, kind: str) -> None:
    documents = list(material.logged.documents)
    at = kinds(material.logged).index(kind)
    content = documents[at].content or b""
    for bent in (content.replace(b"2026-", b"2025-", 1), content + b" "):
        documents[at] = PinnedDocument(bent, None)
        with pytest.raises(PinMismatchError) as raised:
            verify(material.neighbours, replace(material.logged, documents=tuple(documents)))
        assert raised.value.kind == kind
    left = tuple(each for each in material.logged.documents if each.content != content)
    with pytest.raises(PinMismatchError):
        verify(material.neighbours, replace(material.logged, documents=left))
    with pytest.raises(WireError):
        verify(material.neighbours, replace(material.logged, documents=(*material.logged.documents, material.logged.documents[at])))


def asserted(material: Material, change: Callable[[CheckText], CheckText]) -> DecisionCertificate:
    """Let the institution assert another check than it has answered."""
    (check,) = parse_checks(material.asserted.check_text or b"")
    return replace(material.asserted, check_text=encode_checks([change(check)]))


def with_first_line(check: CheckText, **changes: object) -> CheckText:
    line, *others = check.outcome.lines
    return replace(check, outcome=replace(check.outcome, lines=(replace(line, **changes), *others)))  # type: ignore[arg-type]


CHECKS: dict[str, tuple[Callable[[CheckText], CheckText], type[EvidenceRefutedError]]] = {
    "price": (lambda check: with_first_line(check, price_fen=1), DecisionRefutedError),
    "saving": (lambda check: with_first_line(check, saving_fen=1), DecisionRefutedError),
    "window": (lambda check: with_first_line(check, window_days=900), DecisionRefutedError),
    "items": (lambda check: with_first_line(check, items=check.outcome.lines[0].items[:1]), DecisionRefutedError),
    "missing": (lambda check: with_first_line(check, missing=()), DecisionRefutedError),
    "no-offer": (lambda check: with_first_line(check, offers=()), CertificateContradictedError),
    "age": (
        lambda check: with_first_line(check, offers=tuple(replace(each, age_ms=0) for each in check.outcome.lines[0].offers)),
        ResultRefutedError,
    ),
    "own": (
        lambda check: with_first_line(check, offers=tuple(replace(each, own=True) for each in check.outcome.lines[0].offers)),
        ResultRefutedError,
    ),
    "another-id": (lambda check: replace(check, check_id="00" * 16), CertificateContradictedError),  # type: ignore[arg-type]
    "another-hospital": (
        lambda check: replace(check, outcome=replace(check.outcome, institution="hospital-a")),  # type: ignore[arg-type]
        CertificateContradictedError,
    ),
    "no-pins": (lambda check: replace(check, outcome=replace(check.outcome, pins=())), CertificateContradictedError),
    "after-the-decision": (
        lambda check: replace(check, outcome=replace(check.outcome, checked_at_ms=check.outcome.checked_at_ms + 60_000)),
        EvidenceRefutedError,
    ),
}


@pytest.mark.parametrize("case", CHECKS)
def test_a_check_that_is_asserted_otherwise(material: Material, case: str) -> None:
    change, error = CHECKS[case]
    with pytest.raises(error):
        verify(material.neighbours, asserted(material, change))


def test_a_check_that_had_read_the_correction(material: Material) -> None:
    (check,) = parse_checks(material.asserted.check_text or b"")
    logged = without(material.logged, "check")
    read = tuple(ReadLog(each.origin, each.size + 1_000) for each in check.read)
    with pytest.raises(ResultRefutedError) as raised:
        verify(material.neighbours, replace(logged, check_text=encode_checks([replace(check, read=read)])))
    assert raised.value.reason == "superseded"


def test_heads_of_others_and_trust_roots_of_others(material: Material) -> None:
    root, now = trust_root(material.neighbours), material.neighbours.clock.now()
    first, *others = material.logged.heads
    text, _, signature = first.decode().rpartition(" ")
    bent = f"{text} {b64encode(flipped(b64decode(signature))).decode()}\n".encode()
    with pytest.raises(LogSignatureError):
        verify_certificate(replace(material.logged, heads=(bent, *others)), root, now=now)
    with pytest.raises(UnknownLogError):
        verify_certificate(material.logged, replace(root, logs={}), now=now)
    with pytest.raises(TrustRootExpiredError):
        verify_certificate(material.logged, replace(root, expires_at=now), now=now)
