"""`concord decide`; `concord check` is in `main`, and uses the same options. `node.cli.recognition.acts` does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from node.cli import options
from node.cli.reading.commands import Authentication, Department, Role, Staff

decide_app = typer.Typer(no_args_is_help=True, help="Recognise results of others, or order again with a reason; take it back.")

Orders = Annotated[list[str], typer.Argument(help="What is ordered: ORDERABLE, or ORDER_ID=ORDERABLE")]
DeadlineMs = Annotated[
    int | None,
    typer.Option("--deadline-ms", min=1, help="Let the order go ahead when there is no answer by then, and note that it did"),
]
Unchecked = Annotated[bool, typer.Option("--unchecked", help="Only note that the order went ahead without an answer")]
Encounter = Annotated[str, typer.Option(help="The encounter")]
Campus = Annotated[str, typer.Option(help="The campus where it is ordered, by your own code; figures are told by it")]
_Check = Annotated[str, typer.Argument(help="Id of the check, 32 hex digits")]
_Order = Annotated[str, typer.Argument(help="The order line, as it was checked")]


@decide_app.command()
def recognise(
    check: _Check,
    order: _Order,
    *,
    url: options.Url,
    api_key: options.ApiKey,
    result: Annotated[list[str], typer.Option("--result", help="ORIGIN#LEAF_HASH of an offer; repeat for more")],
    staff: Staff,
    department: Department = "",
    role: Role = "",
    authentication: Authentication = "",
    as_json: options.Json = False,
) -> None:
    """Use results of others for an order line; those were retrieved and verified before."""
    from node.cli.recognition import acts as command

    by = command.Clinician(staff, department, role, authentication)
    command.recognise(url, api_key, command.Line(check, order), by, result, as_json=as_json)


@decide_app.command()
def reorder(
    check: _Check,
    order: _Order,
    *,
    url: options.Url,
    api_key: options.ApiKey,
    reason: Annotated[int | None, typer.Option(min=1, max=6, help="One of the six national reasons")] = None,
    sub_reason: Annotated[str | None, typer.Option(help="A sub-reason of the region, or unretrievable")] = None,
    words: Annotated[str, typer.Option(help="In the clinician's words; due for reason 6 without a sub-reason")] = "",
    staff: Staff,
    department: Department = "",
    role: Role = "",
    authentication: Authentication = "",
    as_json: options.Json = False,
) -> None:
    """Order again, with a reason where a result was offered."""
    from node.cli.recognition import acts as command

    by = command.Clinician(staff, department, role, authentication)
    command.reorder(url, api_key, command.Line(check, order), by, (reason, sub_reason, words), as_json=as_json)


@decide_app.command()
def reverse(
    decision: Annotated[str, typer.Argument(help="Id of the decision, 32 hex digits")],
    *,
    url: options.Url,
    api_key: options.ApiKey,
    staff: Staff,
    department: Department = "",
    role: Role = "",
    authentication: Authentication = "",
    as_json: options.Json = False,
) -> None:
    """Take a decision back, by a second entry; the line can be decided again."""
    from node.cli.recognition import acts as command

    by = command.Clinician(staff, department, role, authentication)
    command.reverse(url, api_key, decision, by, as_json=as_json)


@decide_app.command()
def slip(
    decision: Annotated[str, typer.Argument(help="Id of a decision that recognised, 32 hex digits")],
    *,
    url: options.Url,
    api_key: options.ApiKey,
    out: Annotated[Path, typer.Option("--out", help="Where the page is written")] = Path("slip.html"),
    as_json: options.Json = False,
) -> None:
    """Write a page to be printed for the medical record, with the QR code that proves it once the decision is logged."""
    from node.cli.recognition import acts as command

    command.slip(url, api_key, decision, out, as_json=as_json)


@decide_app.command()
def heard(*, url: options.Url, api_key: options.ApiKey, as_json: options.Json = False) -> None:
    """List what other institutions decided on results of this one, the newest first."""
    from node.cli.recognition import acts as command

    command.heard(url, api_key, as_json=as_json)
