"""`concord patient`: the patient's own tool; `new` and `card` are offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from node.cli import options
from node.cli.patient.view_commands import view_app

patient_app = typer.Typer(no_args_is_help=True, help="The patient's own tool: seed and card, what is there, who looked.")
patient_app.add_typer(view_app)

SeedFile = Annotated[Path, typer.Argument(help="The file of the seed, mode 0600")]
Qr = Annotated[Path | None, typer.Option("--qr", help="Also draw the card's QR code into this file: .svg or .png")]
Terminal = Annotated[bool, typer.Option("--terminal", help="Also draw the QR code here")]


@patient_app.command()
def new(seed_file: SeedFile, *, qr: Qr = None, terminal: Terminal = False, as_json: options.Json = False) -> None:
    """Draw a seed into a new file and show the card: what the code service keeps of it, and what hospitals scan."""
    from node.cli.patient import card as command

    command.new(seed_file, qr, terminal=terminal, as_json=as_json)


@patient_app.command()
def card(seed_file: SeedFile, *, qr: Qr = None, terminal: Terminal = False, as_json: options.Json = False) -> None:
    """Show the card of a seed: code and public keys, never the seed."""
    from node.cli.patient import card as command

    command.card(seed_file, qr, terminal=terminal, as_json=as_json)
