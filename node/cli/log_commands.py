"""`concord log`: commands that read a served log and believe only what its signed checkpoint proves."""

from __future__ import annotations

import typer

from node.cli import options

log_app = typer.Typer(no_args_is_help=True, help="Read a log and prove what it holds; recover one.")


@log_app.command()
def fsck(
    url: options.LogUrl = None,
    log_dir: options.LogDirectory = None,
    vkey: options.Vkey = None,
    trust_root: options.LogTrustRoot = None,
    api_key: options.LogApiKey = None,
    as_json: options.Json = False,
) -> None:
    """Derive every tile and the root again from the entries, and compare them with what is served and signed."""
    from node.cli import log_fsck as command
    from node.cli.log_source import LogSource

    command.run(LogSource(url, log_dir, vkey, trust_root, api_key), as_json=as_json)
