"""`concord patient new` and `card`: a patient's seed and card, offline. The seed stays in its file; the card never holds it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import typer

from node.cli.failures import UnreadableFileError
from node.cli.files import write_file
from node.cli.output import show
from node.domain.patient import PatientSeed
from node.errors import MalformedParameterError
from node.identity.code_text import PatientCard, encode_card
from node.identity.codes import SEED_BYTES, draw_seed, patient_code, public_keys
from node.printing.qr import draw_qr, qr_lines

_SEED_MODE = 0o600
_CARD_MODE = 0o600
"""Whoever sees a card can look the patient up."""


def new(seed_file: Path, qr: Path | None, *, terminal: bool, as_json: bool) -> None:
    """Draw a seed into a new file, and show the card that derives from it.

    Raises:
        MalformedParameterError: The file exists already: a lost seed is lost for ever.
    """
    if qr is not None:
        draw_qr("", qr)  # a wrong name is told before anything is written
    try:
        descriptor = os.open(seed_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _SEED_MODE)
    except FileExistsError as error:
        raise MalformedParameterError("seed file", f"{seed_file} exists already; a seed is never overwritten") from error
    seed = draw_seed()
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(seed.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    _show_card(seed, seed_file, qr, terminal=terminal, as_json=as_json)
    typer.echo(f"keep {seed_file} where nobody else reads it, and a copy elsewhere: it cannot be made again", err=True)


def card(seed_file: Path, qr: Path | None, *, terminal: bool, as_json: bool) -> None:
    """Show the card of a seed."""
    _show_card(read_seed(seed_file), seed_file, qr, terminal=terminal, as_json=as_json)


def read_seed(path: Path) -> PatientSeed:
    """Read a patient's seed.

    Raises:
        UnreadableFileError: It is missing, readable by others, or no seed.
    """
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UnreadableFileError(f"{path} is accessible to others; run `chmod 600` on it")
        seed = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except FileNotFoundError as error:
        raise UnreadableFileError(f"{path}: there is no seed; `concord patient new` draws one") from error
    except ValueError as error:
        raise UnreadableFileError(f"{path}: not a seed") from error
    if len(seed) != SEED_BYTES:
        raise UnreadableFileError(f"{path}: not a seed of {SEED_BYTES} bytes")
    return PatientSeed(seed)


def _show_card(seed: PatientSeed, seed_file: Path, qr: Path | None, *, terminal: bool, as_json: bool) -> None:
    text = encode_card(PatientCard(patient_code(seed), public_keys(seed)))
    if qr is not None:
        write_file(qr, draw_qr(text, qr), mode=_CARD_MODE)
    shown = {"seed_file": str(seed_file), "card": text} | ({} if qr is None else {"qr": str(qr)})
    show(shown, as_json=as_json)
    if terminal and not as_json:
        typer.echo(qr_lines(text))
