"""`concord log`: commands that read a served log and believe only what its signed checkpoint proves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from node.cli import options

log_app = typer.Typer(no_args_is_help=True, help="Read a log and prove what it holds; recover one.")


@log_app.command()
def checkpoint(
    *,
    url: options.LogUrl = None,
    log_dir: options.LogDirectory = None,
    vkey: options.Vkey = None,
    trust_root: options.LogTrustRoot = None,
    api_key: options.LogApiKey = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Also keep the signed note in this file")] = None,
    as_json: options.Json = False,
) -> None:
    """Fetch the signed head, verify its signature, and show it."""
    from node.cli.log import checkpoint as command
    from node.cli.log.source import LogSource

    command.run(LogSource(url, log_dir, vkey, trust_root, api_key), output, as_json=as_json)


@log_app.command()
def inclusion(
    index: Annotated[int | None, typer.Argument(min=0, help="The entry's index")] = None,
    *,
    leaf_hash: Annotated[str | None, typer.Option(help="Find the entry by its leaf hash instead, 64 hex digits")] = None,
    url: options.LogUrl = None,
    log_dir: options.LogDirectory = None,
    vkey: options.Vkey = None,
    trust_root: options.LogTrustRoot = None,
    api_key: options.LogApiKey = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Also write a C2SP tlog-proof to this file")] = None,
    as_json: options.Json = False,
) -> None:
    """Prove from tiles that an entry is in the log, and verify the proof."""
    from node.cli.log import proofs as command
    from node.cli.log.source import LogSource

    command.run_inclusion(LogSource(url, log_dir, vkey, trust_root, api_key), index, leaf_hash, output, as_json=as_json)


@log_app.command()
def consistency(
    old: Annotated[str, typer.Argument(help="The earlier head: a size, or a file with a signed checkpoint")],
    new: Annotated[str | None, typer.Argument(help="The later head, likewise; the published checkpoint if not given")] = None,
    *,
    url: options.LogUrl = None,
    log_dir: options.LogDirectory = None,
    vkey: options.Vkey = None,
    trust_root: options.LogTrustRoot = None,
    api_key: options.LogApiKey = None,
    as_json: options.Json = False,
) -> None:
    """Prove from tiles that the log only grew between two heads, and verify the proof."""
    from node.cli.log import proofs as command
    from node.cli.log.source import LogSource

    command.run_consistency(LogSource(url, log_dir, vkey, trust_root, api_key), old, new, as_json=as_json)


@log_app.command()
def fsck(
    *,
    url: options.LogUrl = None,
    log_dir: options.LogDirectory = None,
    vkey: options.Vkey = None,
    trust_root: options.LogTrustRoot = None,
    api_key: options.LogApiKey = None,
    as_json: options.Json = False,
) -> None:
    """Derive every tile and the root again from the entries, and compare them with what is served and signed."""
    from node.cli.log import fsck as command
    from node.cli.log.source import LogSource

    command.run(LogSource(url, log_dir, vkey, trust_root, api_key), as_json=as_json)


@log_app.command()
def recover(
    directory: options.Directory,
    institution: Annotated[str, typer.Option(help="Whose log")],
    mirror: Annotated[str, typer.Option("--from", help="Who holds more of the log: its URL, or a directory")],
    headers: Annotated[
        str | None, typer.Option(help="Sealed headers: a file of /v1/headers frames, or the base URL of a node that has them")
    ] = None,
    api_key: options.LogApiKey = None,
    as_json: options.Json = False,
) -> None:
    """Bring a restored log up to what a mirror of it holds; the node must not be running. Signs nothing."""
    from node.cli.log import recover as command

    command.run(directory, institution, mirror, headers, api_key, as_json=as_json)


@log_app.command("fork-evidence")
def fork_evidence(
    origin: Annotated[str, typer.Argument(help="The log that contradicted itself or the chain")],
    *,
    directory: options.Directory,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write")],
    as_json: options.Json = False,
) -> None:
    """Write the evidence for which this node froze a log: `concord verify` checks it offline."""
    from node.cli.log import fork_evidence as command

    command.export(directory, origin, output, as_json=as_json)


@log_app.command()
def unfreeze(
    origin: Annotated[str, typer.Argument(help="The frozen log")],
    *,
    directory: options.Directory,
    reason: Annotated[str, typer.Option(help="Why it may be followed again; kept with the evidence")],
    as_json: options.Json = False,
) -> None:
    """Follow a frozen log again; if it still contradicts what is trusted of it, it is frozen again."""
    from node.cli.log import fork_evidence as command

    command.unfreeze(directory, origin, reason, as_json=as_json)
