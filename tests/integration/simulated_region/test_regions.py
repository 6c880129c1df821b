"""Whole regions, small: real nodes below the HTTP layer, every figure and every finding held against the model."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from devnet.cli import app
from devnet.errors import SimulationError
from devnet.simulation.config import GUANGZHOU, LONGHUA, REGIONS, RegionConfig
from devnet.simulation.documents import ResultDocuments
from devnet.simulation.happenings import Recognition, ResultNumber, Status, VersionMade
from devnet.simulation.misconduct import choose_parts
from devnet.simulation.model import draw_year
from devnet.simulation.region import draw_region
from devnet.simulation.run import simulate
from node.supervision.findings import FindingCode
from node.supervision.tallies import Dimension

VISITS = 900
SEED = 4


def small(config: RegionConfig) -> RegionConfig:
    """Return a region of two institutions of each class, where much is ordered, and what is rare happens more often."""
    return replace(
        config,
        classes=tuple(replace(each, count=2, certified=0.9) for each in config.classes),
        period_days=14,
        regulator_periods=2,
        ordering_share=0.35,
        behaviour=replace(
            config.behaviour, recognise=0.65, without_reason=0.1, performed_anyway=0.3, reversed_later=0.12, unchecked=0.05
        ),
        movement=replace(config.movement, preliminary=0.15, more_visits=0.9, max_visits=9, gap_days=(8, 30), night=0.3),
        revising=replace(
            config.revising, becomes_final=0.7, corrected=0.1, withdrawn=0.05, doubted=0.4, names_lot=0.8, recalls=30, lifted=0.7
        ),
        changes=replace(config.changes, certificates_begin=0.25, certificates_end=0.35),
        # readings of the regulator are as far apart as this: a day more or less is noticed
        withdrawn_grace_days=28,
        diligence=replace(config.diligence, late=0.35, looks=0.4),
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "seed"), [(GUANGZHOU, SEED), (GUANGZHOU, 2), (LONGHUA, 8)], ids=lambda each: str(getattr(each, "name", each))
)
def test_everything_is_the_models_and_every_planted_case_is_found(config: RegionConfig, seed: int) -> None:
    outcome = simulate(small(config), VISITS, seed)
    wrong = [row for row in outcome.figures if not row.is_equal]
    assert outcome.is_equal, (outcome.differences, wrong, outcome.findings, outcome.notices)
    (whole,) = (row.counted for row in outcome.figures if row.place == (Dimension.ALL, "", ""))
    assert min(whole.recognised, whole.reordered, whole.saving_fen, whole.cancelled_fen, whole.own, whole.unchecked) > 0
    assert min(whole.persons_recognised, whole.reversed, whole.retrievals) > 0
    assert {row.code for row in outcome.findings} == set(FindingCode)
    assert any(row.is_settled for row in outcome.findings)
    assert all(row.expected > 0 for row in outcome.notices)
    assert 0 < sum(row.acknowledged for row in outcome.notices) < sum(row.expected for row in outcome.notices)


@pytest.mark.slow
def test_one_result_filed_otherwise_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = small(GUANGZHOU)
    monkeypatch.setitem(REGIONS, "guangzhou", config)
    tampered, honest = _first_recognised(config), ResultDocuments.document

    def document(self: ResultDocuments, version: VersionMade) -> bytes:
        is_tampered = version.result.number == tampered and version.is_usable
        return honest(self, replace(version, status=Status.PRELIMINARY) if is_tampered else version)

    monkeypatch.setattr(ResultDocuments, "document", document)
    kept = tmp_path / "kept"
    command = ["simulate", "--visits", str(VISITS), "--seed", str(SEED), "--keep", str(kept), "--json"]
    ended = CliRunner().invoke(app, command)
    assert ended.exit_code == 1
    told = json.loads(ended.stdout)
    assert not told["equal"]
    assert any(not row["equal"] for row in told["figures"])
    assert told["differences"]
    assert (kept / "node-regulator" / "records.db").is_file()
    with contextlib.closing(sqlite3.connect(kept / "concord.sqlite")) as export:
        ((entries,),) = export.execute("select count(*) from entries")
        ((findings,),) = export.execute("select count(*) from findings")
    assert entries == told["entries"]
    assert findings >= sum(row["found"] for row in told["findings"])
    again = CliRunner().invoke(app, command)
    assert (again.exit_code, again.stdout) == (1, "")
    assert "holds something already" in again.stderr


def test_too_little_is_refused() -> None:
    with pytest.raises(SimulationError, match="visits"):
        simulate(GUANGZHOU, 100, SEED)
    alone = replace(GUANGZHOU, classes=(replace(GUANGZHOU.classes[0], count=3),))
    with pytest.raises(SimulationError, match="institutions"):
        simulate(alone, VISITS, SEED)


def _first_recognised(config: RegionConfig) -> ResultNumber:
    region = draw_region(config, SEED)
    year = draw_year(region, VISITS, SEED, frozenset({choose_parts(region, SEED).silent}))
    decisions = (line.decision for visit in year.ordering for line in visit.lines)
    return next(each.results[0] for each in decisions if isinstance(each, Recognition) and each.is_foreign)
