"""A patient's bundle: what it shows is what the logs committed to, and what was altered is refuted by name."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from node.domain.header import HeaderContent
from node.errors import (
    BundleLineError,
    ConcordError,
    LogInclusionError,
    MalformedBundleError,
    OpeningRefutedError,
    SeriesTagError,
    UnknownFormatError,
)
from node.wire.evidence.bundle import BundleLine, PatientBundle, encode_bundle_file, parse_bundle_file
from node.wire.evidence.bundle_verification import verify_bundle
from tests.unit.evidence_verify.world import NOW, make_root
from tests.unit.patient_bundle.bundles import make_bundle, make_consent, make_receipt

TEXTS = Path(__file__).parents[3] / "node" / "texts"


def with_line(at: int, change: Callable[[BundleLine], BundleLine]) -> PatientBundle:
    bundle = make_bundle()
    lines = list(bundle.lines)
    lines[at] = change(lines[at])
    return replace(bundle, lines=tuple(lines))


def flipped(data: bytes | None) -> bytes:
    assert data is not None
    return data[:-1] + bytes((data[-1] ^ 1,))


def test_a_bundle_survives_being_written_and_read() -> None:
    assert parse_bundle_file(encode_bundle_file(make_bundle())) == make_bundle()


def test_what_is_shown_is_read_out_of_what_was_verified() -> None:
    verdict = verify_bundle(make_bundle(), make_root(), now=NOW)
    result, consent, receipt = verdict.lines
    assert result.header is not None
    assert isinstance(result.header.content, HeaderContent)
    assert result.evidence is not None
    assert [part.number for part in result.evidence.parts] == list(range(1, result.evidence.part_count))
    assert consent.header is not None
    assert consent.header.content == make_consent()
    assert receipt.header is not None
    assert receipt.header.content == make_receipt()
    assert [len(each.series) for each in verdict.completeness] == [2]
    assert "end_open" in {finding.code for finding in verdict.not_proved}


def test_a_bundle_without_completeness_says_that_lines_may_be_missing() -> None:
    verdict = verify_bundle(make_bundle(with_completeness=False), make_root(), now=NOW)
    assert "may_be_missing" in {finding.code for finding in verdict.not_proved}
    assert verdict.remarks == ()


def test_a_bundle_holds_no_key_of_the_patient_unless_it_is_asked_to() -> None:
    keys = [series["key"] for file in make_bundle().completeness for series in json.loads(file)["series"]]
    written = encode_bundle_file(make_bundle(with_completeness=False)).decode()
    assert keys
    assert not [key for key in keys if key in written]


def test_a_line_without_a_header_is_told_as_closed() -> None:
    verdict = verify_bundle(with_line(2, lambda line: replace(line, header=None, data_key=None)), make_root(), now=NOW)
    assert verdict.lines[2].header is None
    assert ("lines_closed", (("count", "1"),)) in {(finding.code, finding.values) for finding in verdict.not_proved}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda line: replace(line, header=flipped(line.header)), BundleLineError),
        (lambda line: replace(line, data_key=bytes(32)), BundleLineError),
        (lambda line: replace(line, leaf=flipped(line.leaf)), LogInclusionError),
        (lambda line: replace(line, index=2), LogInclusionError),
        (lambda line: replace(line, proof=line.proof[1:]), LogInclusionError),
        (lambda line: replace(line, header=make_bundle().lines[1].header), BundleLineError),
        (lambda line: replace(line, evidence=make_bundle().lines[0].evidence), BundleLineError),
        (lambda _: make_bundle().lines[0], MalformedBundleError),
    ],
    ids=["header", "data key", "leaf", "index", "proof", "header of another", "evidence of another", "twice"],
)
def test_an_altered_line_is_refuted(change: Callable[[BundleLine], BundleLine], error: type[ConcordError]) -> None:
    with pytest.raises(error):
        verify_bundle(with_line(2, change), make_root(), now=NOW)


def test_altered_evidence_and_completeness_inside_are_refuted() -> None:
    evidence = json.loads(make_bundle().lines[0].evidence or b"")
    evidence["parts"][0]["salt"] = evidence["parts"][1]["salt"]
    altered = json.dumps(evidence).encode()
    with pytest.raises(OpeningRefutedError):
        verify_bundle(with_line(0, lambda line: replace(line, evidence=altered)), make_root(), now=NOW)
    file = json.loads(make_bundle().completeness[0])
    del file["series"][1]["entries"][0]
    with pytest.raises(SeriesTagError):
        verify_bundle(replace(make_bundle(), completeness=(json.dumps(file).encode(),)), make_root(), now=NOW)


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.update(extra=1),
        lambda file: file.update(made_at_ms=-1),
        lambda file: file["lines"][0].update(head=1),
        lambda file: file["lines"][0].update(data_key=None),
        lambda file: file["lines"][0].update(data_key="AA=="),
        lambda file: file["lines"][0].update(leaf="AA"),
        lambda file: file["lines"][0].update(evidence="\ud800"),
        lambda file: file.update(format="concord/evidence"),
    ],
    ids=["unknown field", "time", "head", "header alone", "short key", "base64", "surrogate", "format"],
)
def test_what_is_no_bundle_is_unreadable(change: Callable[[dict[str, object]], None]) -> None:
    document = json.loads(encode_bundle_file(make_bundle()))
    change(document)
    with pytest.raises(MalformedBundleError):
        parse_bundle_file(json.dumps(document).encode())


def test_a_newer_version_is_refused_by_name() -> None:
    document = json.loads(encode_bundle_file(make_bundle())) | {"version": 2}
    with pytest.raises(UnknownFormatError):
        parse_bundle_file(json.dumps(document).encode())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_finding_has_words(language: str) -> None:
    words = tomllib.loads((TEXTS / f"{language}.toml").read_text(encoding="utf-8"))["bundle"]
    closed = replace(with_line(2, lambda line: replace(line, header=None, data_key=None)), completeness=())
    roots = make_root(), replace(make_root(), witness_quorum=9)
    for verdict in (verify_bundle(each, root, now=NOW) for each in (make_bundle(), closed) for root in roots):
        for finding in (*verdict.proved, *verdict.not_proved, *verdict.remarks):
            assert set(re.findall(r"{(\w+)}", words[finding.code])) <= dict(finding.values).keys()
