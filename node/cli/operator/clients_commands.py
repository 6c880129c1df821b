"""`concord clients`: API keys of the institutions that a node hosts."""

from __future__ import annotations

from typing import Annotated

import typer

from node.cli import options

clients_app = typer.Typer(no_args_is_help=True, help="List, issue and revoke API keys, in the node's directory.")


@clients_app.command("list")
def list_clients(directory: options.Directory, as_json: options.Json = False) -> None:
    """List the clients, revoked ones included; keys are not kept and cannot be shown."""
    from node.cli.operator import clients as command

    command.list_clients(directory, as_json=as_json)


@clients_app.command()
def issue(
    directory: options.Directory,
    institution: Annotated[str, typer.Option(help="For which institution the client acts")],
    name: Annotated[str, typer.Option(help="For the operator, such as the system that will use it")],
    scope: Annotated[
        list[str] | None, typer.Option(help="What it may do, such as records:write; repeat for more; all if not given")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Issue an API key, which is shown once; the node must not be running."""
    from node.cli.operator import clients as command

    command.issue(directory, institution, name, scope, as_json=as_json)


@clients_app.command()
def revoke(
    directory: options.Directory,
    client: Annotated[str, typer.Argument(help="The client's id, as `clients list` shows it")],
    as_json: options.Json = False,
) -> None:
    """Revoke a client's API key; the node must not be running."""
    from node.cli.operator import clients as command

    command.revoke(directory, client, as_json=as_json)
