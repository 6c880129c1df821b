"""`concord outbox` and `concord emergency`; the options that name who asks for whom."""

from __future__ import annotations

from typing import Annotated

import typer

from node.cli import options

outbox_app = typer.Typer(no_args_is_help=True, help="See which messages other members have not acknowledged.")
emergency_app = typer.Typer(no_args_is_help=True, help="Open, list and review emergencies: access without consent.")

Number = Annotated[str | None, typer.Option(help="The institution's number for the patient", envvar="CONCORD_PATIENT_NUMBER")]
System = Annotated[str, typer.Option(help="Identifier system of that number")]
Card = Annotated[str | None, typer.Option(help="Text of the patient's card, instead of --number", envvar="CONCORD_PATIENT_CARD")]
Purpose = Annotated[str, typer.Option(help="treatment, emergency, claim, follow-up or research")]
Staff = Annotated[str, typer.Option(help="Staff number of the clinician", envvar="CONCORD_STAFF")]
Department = Annotated[str, typer.Option(help="Code of the department (诊疗科目)")]
Role = Annotated[str, typer.Option(help="Role of the clinician, such as physician")]
Authentication = Annotated[str, typer.Option(help="How the clinician was authenticated")]
EmergencyId = Annotated[str, typer.Argument(help="Its id, 64 hex digits")]


@outbox_app.callback()
def outbox() -> None:
    """See which messages other members have not acknowledged."""


@outbox_app.command("list")
def list_outbox(
    *,
    url: options.Url,
    api_key: options.ApiKey,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Messages to show")] = 50,
    as_json: options.Json = False,
) -> None:
    """List messages that wait, oldest first: to whom, since when, how often sent in vain."""
    from node.cli.reading import acts as command

    command.list_outbox(url, api_key, limit, as_json=as_json)


@emergency_app.command("open")
def open_emergency(
    *,
    url: options.Url,
    api_key: options.ApiKey,
    number: Number = None,
    system: System = "",
    staff: Staff,
    department: Department = "",
    role: Role = "",
    authentication: Authentication = "",
    reason: Annotated[str, typer.Option(help="Why nobody can be asked, in words")],
    as_json: options.Json = False,
) -> None:
    """Open an emergency for a patient; `concord retrieve --emergency` cites it, and somebody else has to review it."""
    from node.cli.reading import acts as command

    asking = command.Asking(number, system, None, "emergency", staff, department, role, authentication)
    command.open_emergency(url, api_key, asking, reason, as_json=as_json)


@emergency_app.command("list")
def list_emergencies(
    *,
    url: options.Url,
    api_key: options.ApiKey,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that nobody has reviewed")] = False,
    as_json: options.Json = False,
) -> None:
    """List the institution's emergencies, newest first, and how long their reviews are open."""
    from node.cli.reading import acts as command

    command.list_emergencies(url, api_key, only_open=only_open, as_json=as_json)


@emergency_app.command("review")
def review_emergency(
    emergency: EmergencyId,
    *,
    url: options.Url,
    api_key: options.ApiKey,
    staff: Staff,
    justified: Annotated[bool, typer.Option("--justified/--unjustified", help="Whether it was an emergency")],
    remark: Annotated[str, typer.Option(help="What was found")] = "",
    as_json: options.Json = False,
) -> None:
    """Review an emergency as another person than the one who opened it."""
    from node.cli.reading import acts as command

    command.review_emergency(url, api_key, emergency, staff, remark, justified=justified, as_json=as_json)
