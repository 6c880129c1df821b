"""Options that several commands share, declared once so that they are spelled and explained alike."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Language(StrEnum):
    """A language of the texts."""

    ZH = "zh"
    EN = "en"


class WaitLevel(StrEnum):
    """A level that a submission can wait for."""

    LOGGED = "logged"
    ANCHORED = "anchored"


Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text")]
Directory = Annotated[Path, typer.Option("--dir", help="The node's directory", envvar="CONCORD_DIR")]
Url = Annotated[str, typer.Option("--url", help="Base URL of the node", envvar="CONCORD_URL")]
ApiKey = Annotated[
    str, typer.Option("--api-key", help="API key of an institution; better given as CONCORD_API_KEY", envvar="CONCORD_API_KEY")
]
TrustRoot = Annotated[Path, typer.Option("--trust-root", help="The consortium's trust root", envvar="CONCORD_TRUST_ROOT")]
Rpc = Annotated[str, typer.Option("--rpc", help="JSON-RPC address of the consortium's chain", envvar="CONCORD_RPC")]

Lang = Annotated[Language | None, typer.Option("--lang", help="Language of the words; by default the environment's")]
PatientFile = Annotated[Path, typer.Option("--patient", help="The patient's file", envvar="CONCORD_PATIENT")]

LogUrl = Annotated[str | None, typer.Option("--url", help="Where the log is served: http://node/log/institution")]
LogDirectory = Annotated[
    Path | None, typer.Option("--log-dir", help="A log in a directory, instead of --url: checkpoint and tile/ below it")
]
Vkey = Annotated[str | None, typer.Option("--vkey", help="The log's verifier key: name+id+key")]
LogTrustRoot = Annotated[Path | None, typer.Option("--trust-root", help="Take the log's keys from a trust root instead of --vkey")]
LogApiKey = Annotated[str | None, typer.Option("--api-key", help="API key, for a log that is not public", envvar="CONCORD_API_KEY")]
