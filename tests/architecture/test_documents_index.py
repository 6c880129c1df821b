"""Nobody has to guess that a page is there: indexes list every page of operations, formats and decisions."""

from __future__ import annotations

import re

import pytest

from tests.architecture.sources import ROOT

DOCS = ROOT / "docs"


@pytest.mark.parametrize(
    ("folder", "index"), [("operations", "README.md"), ("spec", "spec/README.md"), ("adr", "adr/README.md"), (".", "README.md")]
)
def test_every_page_of_a_folder_is_listed(folder: str, index: str) -> None:
    listing = DOCS / index
    linked = {(listing.parent / target).resolve() for target in re.findall(r"\]\(([^)#\s]+)", listing.read_text())}
    assert [page.name for page in sorted((DOCS / folder).glob("*.md")) if page != listing and page.resolve() not in linked] == []
