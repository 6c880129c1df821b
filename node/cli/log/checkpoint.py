"""`concord log checkpoint`: the signed head, verified."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ledger.cosignatures import verify_cosignatures
from ledger.notes import SignedNote, encode_verifier_key, parse_note, verify_note
from node.cli.files import write_file
from node.cli.log.source import LogSource, OpenLog, open_log
from node.cli.output import show
from node.wire.trust_root import parse_trust_root


def run(source: LogSource, output: Path | None, *, as_json: bool) -> None:
    """Show the head and who signed it."""
    with open_log(source) as log:
        note = parse_note(log.note)
        document = {
            "origin": log.checkpoint.origin,
            "size": int(log.checkpoint.size),
            "root": log.checkpoint.root.hex(),
            "signed_by": [encode_verifier_key(key) for key in verify_note(note, log.keys)],
            "cosignatures": _cosignatures(note, source),
            "unverified_signatures": _unverified(note, log, source),
        }
    if output is not None:
        write_file(output, log.note)
        document["written"] = str(output)
    show(document, as_json=as_json)


def _cosignatures(note: SignedNote, source: LogSource) -> list[dict[str, object]]:
    """Return the cosignatures of the trust root's witnesses, verified."""
    if source.trust_root is None:
        return []
    keys = {each.key: each.institution for each in parse_trust_root(source.trust_root.read_bytes()).witnesses}
    lines = {(each.name, each.key_id) for each in note.signatures}
    present = [key for key in keys if (key.name, key.key_id) in lines]
    times = verify_cosignatures(note, present)
    return [
        {"institution": keys[key], "witness": key.name, "time": datetime.fromtimestamp(time_s, UTC).isoformat()}
        for key, time_s in times.items()
    ]


def _unverified(note: SignedNote, log: OpenLog, source: LogSource) -> int:
    known = {(key.name, key.key_id) for key in log.keys}
    if source.trust_root is not None:
        root = parse_trust_root(source.trust_root.read_bytes())
        known |= {(each.key.name, each.key.key_id) for each in root.witnesses}
    return sum((each.name, each.key_id) not in known for each in note.signatures)
