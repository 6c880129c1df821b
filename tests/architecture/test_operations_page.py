"""The operator's page names every setting with its default, and every metric."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import UnionType
from typing import get_args

import pytest
from prometheus_client.metrics import MetricWrapperBase
from pydantic import BaseModel

from node import telemetry
from node.settings import NodeSettings
from tests.architecture.sources import ROOT

PAGE = (ROOT / "docs/operations/node.md").read_text()
ROWS = dict(re.findall(r"^\| `([a-z_.]+)` \| ([^|]*?) ?\|", PAGE, re.MULTILINE))
"""First column, in code, to second, of every table."""

UNITS = {"KiB": 2**10, "MiB": 2**20}


def model_in(annotation: object) -> type[BaseModel] | None:
    """Return the section that a field holds, one or many."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if isinstance(annotation, UnionType):
        return None
    return next((each for each in get_args(annotation) if isinstance(each, type) and issubclass(each, BaseModel)), None)


def settings(section: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield every setting's dotted name and its default, or None where there is none or it depends on the machine."""
    for name, field in section.model_fields.items():
        inner = model_in(field.annotation)
        if inner is None or field.description is not None:
            yield prefix + name, field.default if field.default_factory is None and not field.is_required() else None
        if inner is not None:
            yield from settings(inner, f"{prefix}{name}.")


SETTINGS = dict(settings(NodeSettings))


def test_the_page_names_exactly_the_settings() -> None:
    assert len(SETTINGS) > 20
    start = PAGE.index("| setting |")
    named = set(re.findall(r"^\| `([a-z_.]+)` \|", PAGE[start : PAGE.index("\n\n", start)], re.MULTILINE))
    assert named == set(SETTINGS)


@pytest.mark.parametrize("name", [name for name, default in SETTINGS.items() if isinstance(default, int | float)])
def test_numbers_and_switches_have_the_default_that_the_page_gives(name: str) -> None:
    shown, default = ROWS[name].strip("`"), SETTINGS[name]
    if isinstance(default, bool):
        assert shown == str(default).lower()
        return
    number, _, unit = shown.replace(",", "").partition(" ")
    assert float(number) * UNITS.get(unit, 1) == default


def test_the_page_names_exactly_the_metrics() -> None:
    metrics = [each for each in vars(telemetry).values() if isinstance(each, MetricWrapperBase)]
    described = {each.name + ("_total" if each.type == "counter" else "") for metric in metrics for each in metric.describe()}
    assert len(described) == len(metrics)
    assert set(re.findall(r"^\| `(concord_[a-z_]+)` \|", PAGE, re.MULTILINE)) == described
