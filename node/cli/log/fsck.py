"""`concord log fsck`: everything that a log serves, derived again from its entries."""

from __future__ import annotations

from node.cli.failures import RefusedError
from node.cli.log.audit import audit_log
from node.cli.log.source import LogSource, open_log
from node.cli.output import progress, show

_SHOWN_FAULTS = 5


def run(source: LogSource, *, as_json: bool) -> None:
    """Audit the log.

    Raises:
        RefusedError: Something in it was altered; the message names it.
    """
    with open_log(source) as log:
        size = int(log.checkpoint.size)
        with progress("entries", size, quiet=as_json) as advance:
            audit = audit_log(log.reader, log.checkpoint, advance)
    if audit.faults:
        named = "; ".join(f"{fault.resource}: {fault.reason}" for fault in audit.faults[:_SHOWN_FAULTS])
        more = f"; and {len(audit.faults) - _SHOWN_FAULTS} more" if len(audit.faults) > _SHOWN_FAULTS else ""
        faults = [{"resource": fault.resource, "reason": fault.reason} for fault in audit.faults]
        raise RefusedError(named + more, origin=log.checkpoint.origin, size=size, faults=faults)
    show(
        {
            "verdict": "sound",
            "origin": log.checkpoint.origin,
            "size": size,
            "root": log.checkpoint.root.hex(),
            "bundles": audit.bundles,
            "tiles": audit.tiles,
        },
        as_json=as_json,
    )
