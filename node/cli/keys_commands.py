"""`concord keys`: keys of a node."""

from __future__ import annotations

import typer

from node.cli import options

keys_app = typer.Typer(no_args_is_help=True, help="Rotate the node's keys.")


@keys_app.callback()
def keys() -> None:
    """Rotate the node's keys."""


@keys_app.command()
def rotate(directory: options.Directory, as_json: options.Json = False) -> None:
    """Wrap all record secrets under a new key and destroy the older ones; the node must not be running.

    Backups of the secrets under an older key can no longer be opened: that is how an erasure reaches them.
    """
    from node.cli import keys as command

    command.rotate(directory, as_json=as_json)
