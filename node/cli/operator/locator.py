"""`concord locator`: locator secrets of new epochs."""

from __future__ import annotations

from pathlib import Path

from node.bootstrap.locator_secrets import draw_locator_secret, import_locator_secret
from node.cli.files import write_file
from node.cli.output import show
from node.domain.entry import InstitutionId
from node.settings import load_settings


def rotate(directory: Path, institution: str, output: Path, *, as_json: bool) -> None:
    """Draw the secret of the next epoch and write the file for the members."""
    drawn = draw_locator_secret(load_settings(directory), InstitutionId(institution), lambda file: write_file(output, file))
    show({"epoch": drawn.epoch, "written": str(output), "sealed_to": list(drawn.members)}, as_json=as_json)


def take_over(directory: Path, institution: str, file: Path, *, as_json: bool) -> None:
    """Take over the secret of an epoch from a file."""
    epoch = import_locator_secret(load_settings(directory), InstitutionId(institution), file.read_bytes())
    show({"epoch": epoch, "institution": institution}, as_json=as_json)
