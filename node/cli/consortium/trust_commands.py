"""`concord trust`: the trust root that every verifier pins."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from node.cli import options

trust_app = typer.Typer(no_args_is_help=True, help="Hand out, read and replace the consortium's trust root.")


@trust_app.command()
def export(
    directory: options.Directory,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write")],
    as_json: options.Json = False,
) -> None:
    """Write the trust root that a node uses to a file, for those who verify."""
    from node.cli.consortium import trust as command

    command.export(directory, output, as_json=as_json)


@trust_app.command()
def show(
    file: Annotated[Path, typer.Argument(help="A trust root")],
    as_json: options.Json = False,
) -> None:
    """Show what a trust root pins, and whether it is signed and valid now."""
    from node.cli.consortium import trust as command

    command.show_root(file, as_json=as_json)


@trust_app.command()
def update(
    old: Annotated[Path, typer.Argument(help="The trust root that is believed; it is replaced")],
    new: Annotated[Path, typer.Argument(help="Its successor")],
    check: Annotated[bool, typer.Option("--check", help="Only check; replace nothing")] = False,
    as_json: options.Json = False,
) -> None:
    """Replace a trust root by a newer one, if enough of the old one's signers signed it."""
    from node.cli.consortium import trust as command

    command.update(old, new, check=check, as_json=as_json)
