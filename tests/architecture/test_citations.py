"""What docstrings and comments cite is in the repository: sections of the design, headings of the formats, pages."""

from __future__ import annotations

import re

import pytest

from tests.architecture.sources import ROOT, tracked_files

FILES = {path.relative_to(ROOT).as_posix(): path.read_text() for path in tracked_files() if path.suffix in {".py", ".vy", ".toml"}}
DESIGN = (ROOT / "docs/design.md").read_text()
FORMATS = (ROOT / "docs/formats.md").read_text()

SECTIONS = set(re.findall(r"^## (\d+)\.", DESIGN, re.MULTILINE))
HEADINGS = re.findall(r"^## (.+)$", FORMATS, re.MULTILINE)


def cited(pattern: str) -> dict[str, str]:
    """Return what is cited, with one file that cites it."""
    return {match: name for name, text in FILES.items() for match in re.findall(pattern, text)}


SECTIONS_CITED = cited(r"DESIGN\s+section\s+(\d+)")
HEADINGS_CITED = cited(r"FORMATS\s+\"([^\"\n]+)\"")
PAGES_CITED = cited(r"\bdocs/[\w/.-]+\.md\b")


def test_there_is_something_to_judge() -> None:
    assert len(SECTIONS_CITED) > 1
    assert len(HEADINGS_CITED) > 4
    assert len(PAGES_CITED) > 4


@pytest.mark.parametrize("section", SECTIONS_CITED)
def test_the_section_of_the_design_exists(section: str) -> None:
    assert section in SECTIONS, SECTIONS_CITED[section]


@pytest.mark.parametrize("heading", HEADINGS_CITED)
def test_the_heading_of_the_formats_exists(heading: str) -> None:
    assert any(each.startswith(heading) for each in HEADINGS), HEADINGS_CITED[heading]


@pytest.mark.parametrize("page", PAGES_CITED)
def test_the_page_exists(page: str) -> None:
    assert (ROOT / page).is_file() or "tests/" in PAGES_CITED[page], PAGES_CITED[page]
