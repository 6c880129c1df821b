"""The lock files belong together, and to `pyproject.toml`."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent.parent
LOCKS = ("runtime", "devnet", "dev", "build")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pins(lock: str) -> dict[str, str]:
    text = (ROOT / f"requirements/{lock}.lock").read_text()
    return dict(re.findall(r"^([a-z0-9.-]+)==([^ ;\\]+)", text, re.MULTILINE))


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def floors(requirements: list[str]) -> dict[str, str]:
    parsed = (re.fullmatch(r"([A-Za-z0-9_.-]+)(?:\[[^]]*\])?[>=]=(.+)", requirement) for requirement in requirements)
    return {canonical(match[1]): match[2] for match in parsed if match}


def number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes(lock: str) -> None:
    text = (ROOT / f"requirements/{lock}.lock").read_text()
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    # a package that drops a Python has a pin for the old one too, under a marker
    assert len({entry.split(" \\\n")[0].split(" ;")[0] for entry in entries}) == len(entries)
    assert {entry.split("==")[0] for entry in entries} == set(pins(lock))
    assert len(entries) > 3
    assert [entry.split("\n")[0] for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("lock", ["runtime", "devnet", "build"])
def test_the_dev_lock_pins_the_same_versions(lock: str) -> None:
    dev = pins("dev")
    assert {name: version for name, version in pins(lock).items() if dev.get(name, version) != version} == {}


@pytest.mark.parametrize(
    ("lock", "requirements"),
    [
        ("runtime", PROJECT["dependencies"]),
        ("devnet", PROJECT["dependencies"] + PROJECT["optional-dependencies"]["devnet"]),
        (
            "dev",
            [word for extra in PROJECT["optional-dependencies"].values() for word in extra] + PROJECT["dependencies"],
        ),
    ],
)
def test_a_lock_holds_every_declared_dependency_at_its_floor_or_above(lock: str, requirements: list[str]) -> None:
    pinned, wanted = pins(lock), floors(requirements)
    assert len(wanted) == len(set(requirements))
    assert {name for name, floor in wanted.items() if number(pinned.get(name, "0")) < number(floor)} == set()
