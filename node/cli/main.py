"""`concord`: the commands and their options. What they do is in the modules that they import when called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from node.cli import options
from node.cli.failures import CommandLine
from node.cli.log_commands import log_app

app = typer.Typer(
    name="concord",
    cls=CommandLine,
    help="A consortium node: commit to exam results, prove them, recognise those of others.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(log_app, name="log")


@app.command()
def init(
    directory: options.Directory,
    institution: Annotated[
        list[str], typer.Option(help="An institution that the node hosts: ID=NAME or ID=NAME=ORIGIN; repeat for more")
    ],
    as_json: options.Json = False,
) -> None:
    """Create a node: its keys, its databases, its settings file, one API key for each institution."""
    from node.cli import init as command

    command.run(directory, institution, as_json=as_json)


@app.command()
def serve(
    directory: options.Directory,
    host: Annotated[str | None, typer.Option(help="Address to listen on; overrides the settings")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one")] = None,
) -> None:
    """Serve the node until it is told to stop."""
    from node.cli import serve as command

    command.run(directory, host, port)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="The evidence file")],
    trust_root: options.TrustRoot,
    rpc: Annotated[str | None, typer.Option(help="Check the anchor on the chain at this JSON-RPC address")] = None,
    max_age: Annotated[
        str | None, typer.Option(help="Refuse evidence that is not proved to be as recent as that: 90s, 30m, 24h, 7d")
    ] = None,
    lang: Annotated[options.Language | None, typer.Option(help="Language of the words; by default the environment's")] = None,
    as_json: options.Json = False,
) -> None:
    """Verify evidence, offline, against a trust root; exit with 0 verified, 1 refuted, 2 unreadable."""
    from node.cli import verify as command

    command.run(file, trust_root, rpc=rpc, max_age=max_age, language=lang, as_json=as_json)
