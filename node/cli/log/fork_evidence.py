"""`concord log fork-evidence` and `concord log unfreeze`: what a frozen log signed, and an operator's word that clears it.

Both work on the node's directory, whether the node is running or not: a running node notices within a second.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from node.bootstrap.commands import open_trust
from node.cli.failures import RefusedError, UsageError
from node.cli.files import write_file
from node.cli.output import show
from node.domain.entry import Origin
from node.settings import load_settings

_EVIDENCE_MODE = 0o644


def export(directory: Path, origin: str, output: Path, *, as_json: bool) -> None:
    """Write the newest evidence against a log.

    Raises:
        RefusedError: There is none.
    """
    with open_trust(load_settings(directory)) as trust:
        evidence = trust.evidence(Origin(origin))
    if evidence is None:
        raise RefusedError(f"nothing is held against log {origin}: it was never frozen here")
    write_file(output, evidence, mode=_EVIDENCE_MODE)
    show({"origin": origin, "written": str(output), "bytes": len(evidence)}, as_json=as_json)


def unfreeze(directory: Path, origin: str, reason: str, *, as_json: bool) -> None:
    """Let a frozen log be followed again; evidence and reason are kept.

    Raises:
        UsageError: The reason is empty.
        RefusedError: The log is not frozen.
    """
    if not reason.strip():
        raise UsageError("--reason: say why; it is kept with the evidence")
    with open_trust(load_settings(directory)) as trust:
        done = trust.unfreeze(Origin(origin), reason.strip(), int(datetime.now(UTC).timestamp() * 1000))
    if not done:
        raise RefusedError(f"log {origin} is not frozen here")
    show({"origin": origin, "state": "followed again", "reason": reason.strip()}, as_json=as_json)
