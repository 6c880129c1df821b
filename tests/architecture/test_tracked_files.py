"""What must not be in the repository: large files, paths of one machine, hosts, secrets, talk about how it was made."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, tracked_files

LARGEST_BYTES = 1_000_000
LARGER: dict[str, str] = {}
"""File -> why it is there in full."""

THIRD_PARTY = ("tests/conformance/vectors/", "examples/", "LICENSE")
"""Bytes of others, kept exactly as they are."""

# Each pattern breaks one word with a character class, so that this file does not hold what it forbids.
FORBIDDEN = {
    "a path of one machine": r"(?<![\w.])/wor[k]/|(?<![\w.])/tm[p]/|/roo[t]/|/hom[e]/\w|/User[s]/\w",
    "a registry host": r"\bpyp[i]\.org|pythonhoste[d]\.org|proxy\.golan[g]\.org|registry\.npmj[s]|\bcrates\.i[o]\b",
    "an issue number": r"(?i)\b(issue|ticket|fixes|closes|resolves)s? #?\d+\b",
    "talk about how it was made": (
        r"(?i)\b(this|previous|next|another|coding|work) sessio[n]\b|\bsub-?agen[t]|\blanguage mode[l]\b"
        r"|\bthe lea[d] (wrote|writes|said|will)\b|\bthe brie[f]\b"
    ),
    "a private key": r"BEGIN [A-Z ]*PRIVATE KE[Y]",
}


def ours() -> list[Path]:
    return [path for path in tracked_files() if not path.relative_to(ROOT).as_posix().startswith(THIRD_PARTY)]


def test_there_is_something_to_judge() -> None:
    assert ROOT / "README.md" in ours()
    assert len(ours()) > 100


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in ours()
        for number, line in enumerate(path.read_text(errors="replace").split("\n"), start=1)
        if pattern.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("a path of one machine", "see /wo~rk/x"),
        ("a path of one machine", "--dir /tm~p/x"),
        ("a registry host", "from https://pyp~i.org/simple"),
        ("an issue number", "as iss~ue 12 asks"),
        ("talk about how it was made", "left for the next ses~sion"),
        ("a private key", "-----BEGIN EC PRIVATE K~EY-----"),
    ],
)
def test_each_pattern_catches_what_it_is_for(what: str, line: str) -> None:
    assert re.search(FORBIDDEN[what], line.replace("~", ""))
    assert not re.search(FORBIDDEN[what], line)


def test_no_file_is_large_without_a_reason() -> None:
    large = {path.relative_to(ROOT).as_posix() for path in tracked_files() if path.stat().st_size > LARGEST_BYTES}
    assert large - set(LARGER) == set()
    assert set(LARGER) <= large, "these are small by now: take them off the list"


def test_bytes_of_others_name_their_source_and_licence() -> None:
    homes = [ROOT / "tests/conformance/vectors", ROOT / "examples"]
    sources = {folder: folder / "SOURCE.md" for home in homes for folder in home.iterdir() if folder.is_dir()}
    assert sources
    missing = [str(folder.relative_to(ROOT)) for folder, source in sources.items() if not source.exists()]
    assert missing == []
    silent = [source for source in sources.values() if not re.search(r"(?i)licen[cs]e", source.read_text())]
    assert silent == []
