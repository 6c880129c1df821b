"""`concord notices`: what others amended, withdrew or recalled, and who has taken notice of what was here."""

from __future__ import annotations

from typing import Annotated

import typer

from node.cli import options
from node.cli.reading.commands import Authentication, Department, Role, Staff

notices_app = typer.Typer(no_args_is_help=True, help="Take notice of amendments, withdrawals and recalls; see who has not.")

Limit = Annotated[int, typer.Option(min=1, max=1000, help="Notices to show")]


@notices_app.command("list")
def list_notices(
    *,
    url: options.Url,
    api_key: options.ApiKey,
    everything: Annotated[bool, typer.Option("--all", help="Also those that were acknowledged")] = False,
    limit: Limit = 50,
    as_json: options.Json = False,
) -> None:
    """List what others amended, withdrew or recalled, and which decisions here rely on it, the newest first."""
    from node.cli.recognition import notices as command

    command.list_notices(url, api_key, limit, everything=everything, as_json=as_json)


@notices_app.command()
def acknowledge(
    notices: Annotated[list[str] | None, typer.Argument(metavar="NOTICE...", help="Ids of notices, 32 hex digits each")] = None,
    *,
    reason: Annotated[
        str | None, typer.Option(help="Instead: ORIGIN#LEAF_HASH, the entry that all of them tell of, such as a recall's")
    ] = None,
    url: options.Url,
    api_key: options.ApiKey,
    staff: Staff,
    department: Department = "",
    role: Role = "",
    authentication: Authentication = "",
    as_json: options.Json = False,
) -> None:
    """Say that you took notice, of all that are named or of none; each issuer is told. Decisions stand until they are reversed."""
    from node.cli.recognition import notices as command
    from node.cli.recognition.acts import Clinician

    named, by = command.Named(notices or (), reason), Clinician(staff, department, role, authentication)
    if len(named.notices) == 1 and reason is None:
        command.acknowledge(url, api_key, named.notices[0], by, as_json=as_json)
    else:
        command.acknowledge_all(url, api_key, named, by, as_json=as_json)


@notices_app.command()
def sent(
    *,
    url: options.Url,
    api_key: options.ApiKey,
    unacknowledged: Annotated[bool, typer.Option("--unacknowledged", help="Only those that nobody there acknowledged")] = False,
    record: Annotated[str | None, typer.Option(help="Only those about this record")] = None,
    limit: Limit = 50,
    as_json: options.Json = False,
) -> None:
    """List whom this institution told of its amendments, withdrawals and recalls, and how far each notice got."""
    from node.cli.recognition import notices as command

    command.sent(url, api_key, record, limit, unacknowledged=unacknowledged, as_json=as_json)
