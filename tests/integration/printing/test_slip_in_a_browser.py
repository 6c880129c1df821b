"""A slip as a browser draws it: its QR code is scanned by a reader that others wrote, and what it reads is verified offline."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from node.cli.main import app
from node.recognition.decision import Recognise
from tests.unit.api_routes.client import Api
from tests.unit.members.conftest import patient, town
from tests.unit.members.neighbourhood import OTHER
from tests.unit.members.orders import check, decide, file_electrolytes, recognition
from tests.unit.members.patients import Patient, eventually

__all__ = ["patient", "town"]
pytestmark = [pytest.mark.slow]

TIMEOUT_S = 120


def tool(*names: str) -> str:
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"{names[0]} is not installed; `make browser-tools` installs it on Debian")
    return found


@pytest.fixture
def slip(patient: Patient) -> str:
    file_electrolytes(patient)
    answer = check(patient)
    patient.retrieve(patient.grant())
    decided = decide(patient, answer, Recognise((answer.outcome.lines[0].offers[0].leaf,)))
    slips = recognition(patient.neighbours.there).clinic.slips
    eventually(lambda: slips.make(OTHER, decided.decision_id).proof is not None, "the decision is not logged")
    path = f"/v1/recognition/decisions/{decided.decision_id}/slip"
    return Api(patient.neighbours.there).get(path, institution=OTHER).text


def test_its_code_is_scanned_and_verified(slip: str, patient: Patient, tmp_path: Path) -> None:
    browser, scanner = tool("chromium", "chromium-browser", "google-chrome"), tool("zbarimg")
    page, image = tmp_path / "slip.html", tmp_path / "slip.png"
    page.write_text(slip, encoding="utf-8")
    drawn = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--window-size=900,1500",
    ]
    # as fine as a printer draws it
    shot = [browser, *drawn, "--force-device-scale-factor=4", f"--screenshot={image}", page.as_uri()]
    subprocess.run(shot, check=True, capture_output=True, timeout=TIMEOUT_S)  # noqa: S603 - found above
    read = [scanner, "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", str(image)]
    scanned = tmp_path / "scanned.txt"
    scanned.write_bytes(subprocess.run(read, check=True, capture_output=True, timeout=TIMEOUT_S).stdout)  # noqa: S603 - found above
    root = patient.neighbours.there.directory / "trust-root.note"
    verified = CliRunner().invoke(app, ["verify", str(scanned), "--trust-root", str(root), "--lang", "en"])
    assert verified.exit_code == 0, verified.output
    assert "VERIFIED" in verified.output
