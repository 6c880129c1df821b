"""`concord init`: keys, databases, settings, first API keys."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path

import typer
from pydantic import ValidationError

from node.bootstrap.commands import public_keys
from node.bootstrap.maintenance import init_node, issue_clients
from node.cli.output import show
from node.errors import MalformedParameterError, SettingsError
from node.settings import FILE_NAME, InstitutionSettings, load_settings, write_settings

_LOCATOR_SECRET_BYTES = 32


def run(directory: Path, institutions: Sequence[str], *, as_json: bool) -> None:
    """Create a node; nothing that exists is overwritten."""
    if (directory / FILE_NAME).exists():
        raise SettingsError(f"{directory / FILE_NAME} exists already; this node was made before")
    hosted = [parse_institution(text) for text in institutions]
    for what in ("id", "origin"):
        if len({getattr(one, what) for one in hosted}) < len(hosted):
            raise MalformedParameterError("--institution", f"two institutions have the same {what}")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_settings(directory, hosted)
    try:
        settings = load_settings(directory)
        init_node(settings, locator_secrets={1: secrets.token_bytes(_LOCATOR_SECRET_BYTES)})
        issued = issue_clients(settings)
    except BaseException:
        # the file says that a node was made: without it, the command can be given again and keeps what is there
        (directory / FILE_NAME).unlink(missing_ok=True)
        raise
    rows = [{"institution": one.client.institution, "client": one.client.name, "api_key": one.api_key} for one in issued]
    keys = [public_keys(settings, one) for one in settings.institutions]
    show({"directory": str(directory), "institutions": keys, "clients": rows}, as_json=as_json)
    typer.echo("API keys are shown this once; keep them safe, and back up the keys' folder", err=True)


def parse_institution(text: str) -> InstitutionSettings:
    """Parse ID=NAME or ID=NAME=ORIGIN.

    Raises:
        MalformedParameterError: It is something else.
    """
    name, separator, rest = text.partition("=")
    label, _, origin = rest.partition("=")
    if not separator or not name or not label:
        raise MalformedParameterError("--institution", "give ID=NAME, such as hospital-a=第一人民医院")
    try:
        return InstitutionSettings(id=name, name=label, origin=origin or f"{name}.example/log")
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise MalformedParameterError("--institution", wrong) from error
