"""`concord recall`: recall results of a device, a lot or an item, lift recalls, and see who knows of it."""

from __future__ import annotations

from typing import Annotated

import typer

from node.cli import options
from node.cli.reading.commands import Authentication, Department, Role, Staff
from node.domain.recall import LiftingReason, RecallReason

recall_app = typer.Typer(no_args_is_help=True, help="Recall results of a device, a lot or an item; see who knows of it.")

_Wait = Annotated[bool, typer.Option("--wait", help="Return when nothing is under way any more, showing how far it is")]
_Recall = Annotated[str, typer.Argument(help="Id of the recall, 32 hex digits")]


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
    wait: _Wait = False,
    recall_id: Annotated[str | None, typer.Option(help="32 hex digits; the same again announces nothing twice")] = None,
    staff: Staff,
    department: Department = "",
    role: Role = "",
    authentication: Authentication = "",
    as_json: options.Json = False,
) -> None:
    """Recall results: for all to see in the log, and from now on; a search tells whoever relies on them."""
    from node.cli.recognition import recalls as command
    from node.cli.recognition.acts import Clinician

    criteria = command.Criteria(item, device, lot, performed_from, performed_to, reason.value)
    by = Clinician(staff, department, role, authentication)
    if preview:
        command.preview(url, api_key, criteria, by, as_json=as_json)
        return
    command.announce(url, api_key, criteria, by, recall_id, wait=wait, as_json=as_json)


@recall_app.command()
def lift(
    recall: _Recall,
    *,
    url: options.Url,
    api_key: options.ApiKey,
    reason: Annotated[LiftingReason, typer.Option(help="Why")],
    wait: _Wait = False,
    staff: Staff,
    department: Department = "",
    role: Role = "",
    authentication: Authentication = "",
    as_json: options.Json = False,
) -> None:
    """Lift a recall, for all to see in the log: what it covers counts again, and whoever was told of it is told so."""
    from node.cli.recognition import recalls as command
    from node.cli.recognition.acts import Clinician

    by = Clinician(staff, department, role, authentication)
    command.lift(url, api_key, recall, reason.value, by, wait=wait, as_json=as_json)


@recall_app.command("list")
def list_recalls(*, url: options.Url, api_key: options.ApiKey, as_json: options.Json = False) -> None:
    """List the recalls that this institution announced, the newest first."""
    from node.cli.recognition import recalls as command

    command.list_recalls(url, api_key, as_json=as_json)


@recall_app.command()
def show(
    recall: _Recall,
    *,
    url: options.Url,
    api_key: options.ApiKey,
    start: Annotated[int, typer.Option(min=0, help="Position of the first result: a thousand are shown")] = 0,
    wait: _Wait = False,
    as_json: options.Json = False,
) -> None:
    """Show a recall: how far its search got, what it found, whom the institution told, and who has not acknowledged."""
    from node.cli.recognition import recalls as command

    command.show_recall(url, api_key, recall, start, wait=wait, as_json=as_json)
