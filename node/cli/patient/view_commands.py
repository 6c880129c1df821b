"""`concord patient results`, `consents`, `access`, `export`: what the patient sees; `node.cli.patient.view` does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from node.cli import options

view_app = typer.Typer()

Nodes = Annotated[
    list[str] | None, typer.Option("--node", help="ORIGIN=URL: reach the node of a log elsewhere than the trust root says")
]


@view_app.command()
def results(
    *,
    patient: options.PatientFile,
    trust_root: options.TrustRoot,
    node: Nodes = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> None:
    """List the patient's results in all logs, each verified."""
    from node.cli.patient import view as command

    command.show_section(command.Asking(patient, trust_root, node or ()), ("results",), lang, as_json=as_json)


@view_app.command()
def consents(
    *,
    patient: options.PatientFile,
    trust_root: options.TrustRoot,
    node: Nodes = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> None:
    """List the consents that were logged: granted, asserted, revoked."""
    from node.cli.patient import view as command

    command.show_section(command.Asking(patient, trust_root, node or ()), ("consents",), lang, as_json=as_json)


@view_app.command()
def access(
    *,
    patient: options.PatientFile,
    trust_root: options.TrustRoot,
    node: Nodes = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> None:
    """List who looked, or asked and was denied: when, why, under which consent or emergency."""
    from node.cli.patient import view as command

    command.show_section(command.Asking(patient, trust_root, node or ()), ("access", "other"), lang, as_json=as_json)


@view_app.command()
def export(
    *,
    patient: options.PatientFile,
    trust_root: options.TrustRoot,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write")],
    completeness: Annotated[
        list[Path] | None, typer.Option(help="Put this proof of contiguity in, and with it its keys; repeat for more")
    ] = None,
    headers_only: Annotated[bool, typer.Option("--headers-only", help="Without what the results say")] = False,
    node: Nodes = None,
    as_json: options.Json = False,
) -> None:
    """Write everything into one file that anybody can verify with the trust root."""
    from node.cli.patient import view as command

    asking = command.Asking(patient, trust_root, node or ())
    command.export(asking, output, completeness or (), headers_only=headers_only, as_json=as_json)


@view_app.command()
def keep(
    seed_file: Annotated[Path, typer.Argument(help="The file of the seed, or an earlier patient's file")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The patient's file to write")],
    epoch_key: Annotated[list[str] | None, typer.Option(help="SERIAL=KEY, as the code service gave it; repeat for more")] = None,
    as_json: options.Json = False,
) -> None:
    """Put the seed and the epoch keys of the code service into one file, which the other commands take."""
    from node.cli.patient import acts as command

    command.keep(seed_file, epoch_key or (), output, as_json=as_json)


@view_app.command()
def revoke(
    consent: Annotated[str, typer.Argument(help="The consent's id, 64 hex digits")],
    *,
    patient: options.PatientFile,
    trust_root: options.TrustRoot,
    node: Nodes = None,
    as_json: options.Json = False,
) -> None:
    """Revoke a consent that the patient granted: signed here, handed to the nodes that keep it."""
    from node.cli.patient import acts as command
    from node.cli.patient.view import Asking

    command.revoke(Asking(patient, trust_root, node or ()), consent, as_json=as_json)


@view_app.command("change-code")
def change_code(
    *,
    patient: options.PatientFile,
    output: Annotated[Path, typer.Option("--output", "-o", help="The new patient's file to write")],
    as_json: options.Json = False,
) -> None:
    """Draw a new seed and show its card: with it, a hospital that reads the document has the code service change the code."""
    from node.cli.patient import acts as command

    command.change_code(patient, output, as_json=as_json)
