"""CONTRIBUTING's first change works exactly as it is written there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from node.wire.kinds import PACKAGED_KINDS
from tools.docs import ROOT, blocks
from tools.show_kinds import main

EXAMPLES = ROOT / "examples" / "synthea"


NEW = "procedure.toml"


def packaged(folder: Path) -> Path:
    """Copy the packaged kinds, but for the new one: whoever follows CONTRIBUTING has it by now."""
    shutil.copytree(PACKAGED_KINDS, folder, ignore=shutil.ignore_patterns(NEW))
    return folder


@pytest.fixture
def kinds(tmp_path: Path) -> Path:
    """Give a folder with the packaged kinds and the one that CONTRIBUTING adds."""
    folder = packaged(tmp_path / "kinds")
    text = (ROOT / "CONTRIBUTING.md").read_text()
    (block,) = (block for block in blocks(text, "CONTRIBUTING.md") if block.language == "toml")
    (folder / NEW).write_text("\n".join(block.lines) + "\n")
    return folder


def counts(output: str) -> dict[tuple[str, str], int]:
    rows = re.findall(r"^(\S+) +(\S+) +(\d+)$", output, re.MULTILINE)
    return {(kind, resource): int(number) for kind, resource, number in rows}


def test_the_new_kind_finds_records_and_the_others_keep_theirs(
    kinds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(EXAMPLES), "--kinds", str(packaged(tmp_path / "before"))]) == 0
    before = counts(capsys.readouterr().out)
    assert main([str(EXAMPLES), "--kinds", str(kinds)]) == 0
    after = counts(capsys.readouterr().out)
    assert after.pop(("procedure", "Procedure")) > 0
    assert after == before
    assert before["exam-result", "DiagnosticReport"] > 0


def test_a_wrong_kind_file_is_named(kinds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (kinds / NEW).write_text("version = 1\n")
    assert main([str(EXAMPLES), "--kinds", str(kinds)]) == 2
    assert "procedure.toml" in capsys.readouterr().err


def test_a_refused_document_is_named_with_what_it_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "report.json").write_text('{"resourceType": "DiagnosticReport", "id": "r1", "status": "final"}')
    assert main([str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert "report.json" in error
    assert "DiagnosticReport.subject" in error


def test_a_folder_without_documents_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert "no .json files" in capsys.readouterr().err
