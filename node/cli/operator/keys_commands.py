"""`concord keys`: keys of a node."""

from __future__ import annotations

from typing import Annotated

import typer

from node.cli import options

Institution = Annotated[str, typer.Option("--institution", help="The hosted institution")]

keys_app = typer.Typer(no_args_is_help=True, help="Rotate the node's keys.")


@keys_app.callback()
def keys() -> None:
    """Rotate the node's keys."""


@keys_app.command()
def rotate(directory: options.Directory, as_json: options.Json = False) -> None:
    """Wrap all record secrets under a new key and destroy the older ones; the node must not be running.

    Backups of the secrets under an older key can no longer be opened: that is how an erasure reaches them.
    """
    from node.cli.operator import keys as command

    command.rotate(directory, as_json=as_json)


@keys_app.command("rotate-exchange")
def rotate_exchange(directory: options.Directory, institution: Institution, as_json: options.Json = False) -> None:
    """Draw an institution's next exchange key; the node must not be running. Register the printed public key on chain.

    The former key stays in the directory: what was numbered and sealed with it is found and opened with nothing else.
    """
    from node.cli.operator import keys as command

    command.rotate_exchange(directory, institution, as_json=as_json)
