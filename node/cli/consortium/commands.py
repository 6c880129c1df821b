"""`concord consortium`: the registry on chain, and what its members vote on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from node.cli import options

consortium_app = typer.Typer(no_args_is_help=True, help="Show the registry on chain, propose changes, vote.")
propose_app = typer.Typer(no_args_is_help=True, help="Propose a change; the proposer's vote is cast with it.")
consortium_app.add_typer(propose_app, name="propose")

Voter = Annotated[str, typer.Option("--institution", help="Who proposes or votes, with the chain key in the node's directory")]
Rpc = Annotated[
    str | None,
    typer.Option("--rpc", help="JSON-RPC address of the chain; by default the node's", envvar="CONCORD_RPC"),
]
Subject = Annotated[str, typer.Argument(help="The institution's id")]
Roles = Annotated[list[str], typer.Option("--role", help="A role that it shall have, such as hospital; repeat for more")]
Account = Annotated[str, typer.Option("--account", help="The account that votes for it: 0x and 40 hex digits")]
Name = Annotated[str, typer.Argument(help="Its name")]
Digest = Annotated[str, typer.Option("--digest", help="SHA-256 of its file, 64 hex digits")]


@consortium_app.command("list")
def list_registry(
    *,
    directory: Annotated[Path | None, typer.Option("--dir", help="A node's directory", envvar="CONCORD_DIR")] = None,
    trust_root: Annotated[Path | None, typer.Option(help="A trust root, instead of a node's directory")] = None,
    rpc: Rpc = None,
    as_json: options.Json = False,
) -> None:
    """List members, keys, logs and proposals, as the chain holds them."""
    from node.cli.consortium import acts as command

    command.list_registry(directory, trust_root, rpc, as_json=as_json)


@consortium_app.command()
def vote(
    proposal: Annotated[int, typer.Argument(min=0, help="The proposal's number")],
    *,
    directory: options.Directory,
    voter: Voter,
    rpc: Rpc = None,
    as_json: options.Json = False,
) -> None:
    """Vote for a proposal, and wait until the vote is in a block."""
    from node.cli.consortium import acts as command

    command.vote(command.Voter(directory, voter, rpc), proposal, as_json=as_json)


@consortium_app.command()
def register_key(
    *,
    directory: options.Directory,
    voter: Annotated[str, typer.Option("--institution", help="Whose key, with its chain key in the node's directory")],
    kind: Annotated[str, typer.Option(help="exchange, request, or audit (of a regulator: its exchange key)")] = "exchange",
    overlap: Annotated[str, typer.Option(help="How long the former key stays valid: 12h, 7d; 0s if it was stolen")] = "7d",
    rpc: Rpc = None,
    as_json: options.Json = False,
) -> None:
    """Register on chain the key that the node's directory holds: an institution's own act, which needs no vote."""
    from node.cli.consortium import acts as command

    command.register_key(command.Voter(directory, voter, rpc), kind, overlap, as_json=as_json)


@consortium_app.command()
def keys(
    *,
    directory: options.Directory,
    voter: Annotated[str, typer.Option("--institution", help="Whose keys")],
    rpc: Rpc = None,
    as_json: options.Json = False,
) -> None:
    """Compare the keys in the node's directory with those on chain; exits with 1 where they differ."""
    from node.cli.consortium import acts as command

    command.list_keys(command.Voter(directory, voter, rpc), as_json=as_json)


@propose_app.command()
def admit(
    subject: Subject,
    *,
    role: Roles,
    account: Account,
    directory: options.Directory,
    voter: Voter,
    rpc: Rpc = None,
    as_json: options.Json = False,
) -> None:
    """Propose to admit an institution."""
    from node.cli.consortium import acts as command

    command.propose(command.Voter(directory, voter, rpc), command.admission(subject, role, account), as_json=as_json)


@propose_app.command()
def suspend(
    subject: Subject, *, directory: options.Directory, voter: Voter, rpc: Rpc = None, as_json: options.Json = False
) -> None:
    """Propose to suspend an institution: it can no longer write."""
    from node.cli.consortium import acts as command

    command.propose(command.Voter(directory, voter, rpc), command.suspension(subject), as_json=as_json)


@propose_app.command()
def reinstate(
    subject: Subject, *, directory: options.Directory, voter: Voter, rpc: Rpc = None, as_json: options.Json = False
) -> None:
    """Propose to reinstate a suspended institution."""
    from node.cli.consortium import acts as command

    command.propose(command.Voter(directory, voter, rpc), command.reinstatement(subject), as_json=as_json)


@propose_app.command()
def change_roles(
    subject: Subject, *, role: Roles, directory: options.Directory, voter: Voter, rpc: Rpc = None, as_json: options.Json = False
) -> None:
    """Propose other roles for an institution: all that it shall have."""
    from node.cli.consortium import acts as command

    command.propose(command.Voter(directory, voter, rpc), command.roles(subject, role), as_json=as_json)


@propose_app.command()
def replace_account(
    subject: Subject,
    *,
    account: Account,
    directory: options.Directory,
    voter: Voter,
    rpc: Rpc = None,
    as_json: options.Json = False,
) -> None:
    """Propose to replace an institution's lost or stolen chain key; the former ones end at once."""
    from node.cli.consortium import acts as command

    command.propose(command.Voter(directory, voter, rpc), command.replacement(subject, account), as_json=as_json)


@propose_app.command()
def add_origin(
    subject: Subject,
    origin: Annotated[str, typer.Argument(help="The origin line of the log's checkpoints")],
    *,
    endpoint: Annotated[str, typer.Option(help="URL under which it is served")],
    directory: options.Directory,
    voter: Voter,
    rpc: Rpc = None,
    as_json: options.Json = False,
) -> None:
    """Propose to add a log to an institution."""
    from node.cli.consortium import acts as command

    command.propose(command.Voter(directory, voter, rpc), command.new_origin(subject, origin, endpoint), as_json=as_json)


@propose_app.command()
def close_origin(
    origin: Annotated[str, typer.Argument(help="The origin line of the log's checkpoints")],
    *,
    size: Annotated[int, typer.Option(min=0, help="Entries that stay good")],
    root: Annotated[str, typer.Option(help="Root of the tree of that size, 64 hex digits")],
    successor: Annotated[str | None, typer.Option(help="The open log that goes on in its place")] = None,
    directory: options.Directory,
    voter: Voter,
    rpc: Rpc = None,
    as_json: options.Json = False,
) -> None:
    """Propose to close a log at its final good size; evidence for later indices is void."""
    from node.cli.consortium import acts as command

    motion = command.closing(origin, size, root, successor)
    command.propose(command.Voter(directory, voter, rpc), motion, as_json=as_json)


@propose_app.command()
def register_kind(
    name: Name, *, digest: Digest, directory: options.Directory, voter: Voter, rpc: Rpc = None, as_json: options.Json = False
) -> None:
    """Propose to register a kind of record, or a new version of one."""
    from node.cli.consortium import acts as command

    command.propose(command.Voter(directory, voter, rpc), command.new_kind(name, digest), as_json=as_json)


@propose_app.command()
def register_catalogue(
    name: Name, *, digest: Digest, directory: options.Directory, voter: Voter, rpc: Rpc = None, as_json: options.Json = False
) -> None:
    """Propose to register a catalogue, or a new version of one."""
    from node.cli.consortium import acts as command

    command.propose(command.Voter(directory, voter, rpc), command.new_catalogue(name, digest), as_json=as_json)


@propose_app.command()
def change_threshold(
    votes: Annotated[int, typer.Argument(min=1, help="How many votes shall carry a proposal")],
    *,
    directory: options.Directory,
    voter: Voter,
    rpc: Rpc = None,
    as_json: options.Json = False,
) -> None:
    """Propose another number of votes that carry a proposal."""
    from node.cli.consortium import acts as command

    command.propose(command.Voter(directory, voter, rpc), command.new_threshold(votes), as_json=as_json)
