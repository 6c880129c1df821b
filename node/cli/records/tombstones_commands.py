"""`concord tombstones`: deleted headers, and who has not deleted its copies."""

from __future__ import annotations

from typing import Annotated

import typer

from node.cli import options

tombstones_app = typer.Typer(no_args_is_help=True, help="See which members hold copies of deleted headers.")


@tombstones_app.callback()
def tombstones() -> None:
    """See which members hold copies of deleted headers."""


@tombstones_app.command("list")
def list_tombstones(
    *,
    url: options.Url,
    api_key: options.ApiKey,
    everything: Annotated[bool, typer.Option("--all", help="Also those that every member has acknowledged")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Tombstones to show")] = 50,
    as_json: options.Json = False,
) -> None:
    """List the institution's tombstones, newest first, and the members that have not acknowledged them."""
    from node.cli.records import acts as command

    command.list_tombstones(url, api_key, limit, everything=everything, as_json=as_json)
