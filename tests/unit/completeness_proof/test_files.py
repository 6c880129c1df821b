"""The file that shows contiguity: what holds is proved and no more is claimed, what does not is refuted by name."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from node.errors import (
    ConcordError,
    LogInclusionError,
    LogSignatureError,
    MalformedCompletenessError,
    SeriesOrderError,
    SeriesTagError,
    UnknownFormatError,
    UnknownLogError,
)
from node.services.patient_view.completeness import prove_completeness, scan_log
from node.wire.evidence.completeness import Completeness, Series, encode_completeness, parse_completeness
from node.wire.evidence.completeness_verification import verify_completeness
from tests.unit.completeness_proof.patient_logs import PRIVATE, RECORDS, foreign_tag, grow, leaf, mixed, tag
from tests.unit.evidence_verify.world import NOW, A, B, make_root

TEXTS = Path(__file__).parents[3] / "node" / "texts"


def make_file() -> Completeness:
    log = grow(mixed([tag(RECORDS, 0), tag(PRIVATE, 0), tag(RECORDS, 1), tag(RECORDS, 2)]))
    return prove_completeness(log.store, log.checkpoint, log.note, scan_log(log.store, log.checkpoint, [RECORDS, PRIVATE]))


def with_records(file: Completeness, change: Callable[[Series], Series]) -> Completeness:
    return replace(file, series=(change(file.series[0]), *file.series[1:]))


def test_a_file_survives_being_written_and_read() -> None:
    file = make_file()
    assert parse_completeness(encode_completeness(file)) == file


def test_contiguity_is_proved_and_completeness_is_not_claimed() -> None:
    verdict = verify_completeness(make_file(), make_root(), now=NOW)
    assert (verdict.origin, verdict.witnessed) == (A, True)
    assert [(each.tag_class, len(each.indices)) for each in verdict.series] == [(0, 3), (1, 1)]
    assert "nothing_beyond" in {finding.code for finding in verdict.not_proved}
    assert [finding.code for finding in verdict.remarks] == ["holds_keys"]


def shifted(series: Series) -> Series:
    return replace(series, entries=series.entries[1:])


def skipped(series: Series) -> Series:
    return replace(series, entries=(series.entries[0], series.entries[2]))


def swapped(series: Series) -> Series:
    first, second, *rest = series.entries
    return replace(series, entries=(second, first, *rest))


def twice(series: Series) -> Series:
    return replace(series, entries=(series.entries[0], series.entries[0]))


def foreign(series: Series) -> Series:
    entry = series.entries[0]
    return replace(series, entries=(replace(entry, leaf=leaf(foreign_tag(7))),))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (shifted, SeriesTagError),
        (skipped, SeriesTagError),
        (swapped, SeriesTagError),
        (twice, SeriesOrderError),
        (foreign, LogInclusionError),
    ],
    ids=["first left out", "one left out", "order", "twice", "leaf of another"],
)
def test_a_series_that_is_not_contiguous_is_refuted(change: Callable[[Series], Series], error: type[ConcordError]) -> None:
    with pytest.raises(error):
        verify_completeness(with_records(make_file(), change), make_root(), now=NOW)


def test_another_patients_key_is_refuted() -> None:
    other = replace(RECORDS, key=b"\x01" * 32)
    with pytest.raises(SeriesTagError):
        verify_completeness(with_records(make_file(), lambda series: replace(series, key=other)), make_root(), now=NOW)


def test_a_head_that_nobody_signed_is_refuted() -> None:
    file = make_file()
    forged = file.checkpoint.replace(b"\n" + file.checkpoint.split(b"\n")[1], b"\n9999", 1)
    with pytest.raises(LogSignatureError):
        verify_completeness(replace(file, checkpoint=forged), make_root(), now=NOW)
    with pytest.raises(UnknownLogError):
        verify_completeness(file, replace(make_root(), logs={B: make_root().logs[B]}), now=NOW)


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.update(extra=1),
        lambda file: file.update(series=[]),
        lambda file: file["series"].append(file["series"][0]),
        lambda file: file["series"][0].update(epoch=None),
        lambda file: file["series"][0].update(key="AA=="),
        lambda file: file["series"][0].update(tag_class=2),
        lambda file: file["series"][0]["entries"][0].update(index=-1),
        lambda file: file["series"][0]["entries"][0].update(leaf="AA"),
        lambda file: file.update(checkpoint="\ud800"),
        lambda file: file.update(format="concord/evidence"),
    ],
    ids=["unknown field", "no series", "key twice", "no epoch", "short key", "class", "index", "base64", "surrogate", "format"],
)
def test_what_is_no_such_file_is_unreadable(change: Callable[[dict[str, object]], None]) -> None:
    document = json.loads(encode_completeness(make_file()))
    change(document)
    with pytest.raises(MalformedCompletenessError):
        parse_completeness(json.dumps(document).encode())


def test_a_newer_version_is_refused_by_name() -> None:
    document = json.loads(encode_completeness(make_file())) | {"version": 2}
    with pytest.raises(UnknownFormatError):
        parse_completeness(json.dumps(document).encode())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_finding_has_words(language: str) -> None:
    words = tomllib.loads((TEXTS / f"{language}.toml").read_text(encoding="utf-8"))["complete"]
    bare = replace(make_root(), witness_quorum=9)
    verdicts = [verify_completeness(make_file(), root, now=NOW) for root in (make_root(), bare)]
    for verdict in verdicts:
        for finding in (*verdict.proved, *verdict.not_proved, *verdict.remarks):
            assert set(re.findall(r"{(\w+)}", words[finding.code])) <= dict(finding.values).keys()
