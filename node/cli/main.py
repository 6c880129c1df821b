"""`concord`: the commands and their options. What they do is in the modules that they import when called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="concord",
    help="A consortium node: commit to exam results, prove them, recognise those of others.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

DirectoryOption = Annotated[Path, typer.Option("--dir", help="The node's directory", envvar="CONCORD_DIR")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text")]


@app.command()
def init(
    directory: DirectoryOption,
    institution: Annotated[
        list[str], typer.Option(help="An institution that the node hosts: ID=NAME or ID=NAME=ORIGIN; repeat for more")
    ],
    as_json: JsonOption = False,
) -> None:
    """Create a node: its keys, its databases, its settings file, one API key for each institution."""
    from node.cli import init as command

    command.run(directory, institution, as_json=as_json)


@app.command()
def serve(
    directory: DirectoryOption,
    host: Annotated[str | None, typer.Option(help="Address to listen on; overrides the settings")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one")] = None,
) -> None:
    """Serve the node until it is told to stop."""
    from node.cli import serve as command

    command.run(directory, host, port)
