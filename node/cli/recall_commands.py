"""`concord recall`: recall results of a device, a lot or an item, and see who knows of it."""

from __future__ import annotations

from typing import Annotated

import typer

from node.cli import options
from node.cli.retrieval_commands import Authentication, Department, Role, Staff
from node.domain.recall import RecallReason

recall_app = typer.Typer(no_args_is_help=True, help="Recall results of a device, a lot or an item; see who knows of it.")


@recall_app.command()
def announce(
    *,
    url: options.Url,
    api_key: options.ApiKey,
    item: Annotated[str, typer.Option(help="Item of the catalogue, or your own code")] = "",
    device: Annotated[str, typer.Option(help="Device, as your records name it")] = "",
    lot: Annotated[str, typer.Option(help="Reagent lot")] = "",
    performed_from: Annotated[str, typer.Option("--from", help="Performed at this time or later: 2026-02-20T00:00:00+08:00")],
    performed_to: Annotated[str, typer.Option("--to", help="Performed before this time")],
    reason: Annotated[RecallReason, typer.Option(help="Why")],
    preview: Annotated[bool, typer.Option("--preview", help="Only say which results it would list")] = False,
    recall_id: Annotated[str | None, typer.Option(help="32 hex digits; the same again announces nothing twice")] = None,
    staff: Staff,
    department: Department = "",
    role: Role = "",
    authentication: Authentication = "",
    as_json: options.Json = False,
) -> None:
    """Recall results: list them in the log for all to see, and tell whoever relies on them. It cannot be taken back."""
    from node.cli import recalls as command
    from node.cli.recognition import Clinician

    criteria = command.Criteria(item, device, lot, performed_from, performed_to, reason.value)
    by = Clinician(staff, department, role, authentication)
    command.announce(url, api_key, criteria, by, recall_id, preview=preview, as_json=as_json)


@recall_app.command("list")
def list_recalls(*, url: options.Url, api_key: options.ApiKey, as_json: options.Json = False) -> None:
    """List the recalls that this institution announced, the newest first."""
    from node.cli import recalls as command

    command.list_recalls(url, api_key, as_json=as_json)


@recall_app.command()
def show(
    recall: Annotated[str, typer.Argument(help="Id of the recall, 32 hex digits")],
    *,
    url: options.Url,
    api_key: options.ApiKey,
    as_json: options.Json = False,
) -> None:
    """Show a recall: the results that it lists, whom the institution told, and who has not acknowledged."""
    from node.cli import recalls as command

    command.show_recall(url, api_key, recall, as_json=as_json)
