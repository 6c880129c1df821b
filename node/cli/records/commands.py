"""`concord records`: what the node holds of an institution's records."""

from __future__ import annotations

from typing import Annotated

import typer

from node.cli import options

records_app = typer.Typer(no_args_is_help=True, help="List, show and erase records.")

RecordId = Annotated[str, typer.Argument(help="The record's id, as its receipt says")]


@records_app.command("list")
def list_records(
    *,
    url: options.Url,
    api_key: options.ApiKey,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Entries to show")] = 50,
    before: Annotated[int | None, typer.Option(min=0, help="Go on from here: `next_before` of the page before")] = None,
    as_json: options.Json = False,
) -> None:
    """List the institution's record entries, newest first."""
    from node.cli.records import acts as command

    command.list_entries(url, api_key, limit, before, as_json=as_json)


@records_app.command()
def show(record: RecordId, *, url: options.Url, api_key: options.ApiKey, as_json: options.Json = False) -> None:
    """Show a record, its versions, and how far each got."""
    from node.cli.records import acts as command

    command.show_record(url, api_key, record, as_json=as_json)


@records_app.command()
def erase(
    record: RecordId,
    *,
    url: options.Url,
    api_key: options.ApiKey,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: what is erased cannot be brought back")] = False,
    as_json: options.Json = False,
) -> None:
    """Destroy a record's secrets, bodies and headers; the log goes on to verify, the commitments stay unopenable."""
    from node.cli.records import acts as command

    command.erase(url, api_key, record, yes=yes, as_json=as_json)
