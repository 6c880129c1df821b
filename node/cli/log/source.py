"""Which log a command reads, and whose signature on its checkpoint counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ledger.checkpoints import Checkpoint, parse_checkpoint
from ledger.errors import SignatureError
from ledger.mirror import open_log_checkpoint
from ledger.notes import VerifierKey, parse_note, parse_verifier_key
from ledger.ports import LogReader
from ledger.store.posix import DirectoryLogReader
from node.cli.failures import RefusedError, UsageError
from node.domain.entry import Origin
from node.wire.trust_root import parse_trust_root, verify_trust_root

_PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class LogSource:
    """What the options say of a log."""

    url: str | None
    """Where it is served."""
    directory: Path | None
    """Or the directory that holds it."""
    vkey: str | None
    """Its verifier key."""
    trust_root: Path | None
    """Or the trust root that names it."""
    api_key: str | None
    """For a log that is not public."""


@dataclass(frozen=True, slots=True)
class OpenLog:
    """A log whose checkpoint is verified."""

    reader: LogReader
    """Reads tiles and bundles, unproved."""
    checkpoint: Checkpoint
    """The signed head."""
    note: bytes
    """The signed note that says so."""
    keys: tuple[VerifierKey, ...]
    """The keys that count at this size."""


@contextmanager
def open_log(source: LogSource) -> Iterator[OpenLog]:
    """Open a log and verify its published checkpoint.

    Raises:
        UsageError: The options name no log, or two, or no key, or two.
        RefusedError: The log has published nothing yet.
        SignatureError: No key that counts signed the checkpoint.
        StorageError: It cannot be read.
    """
    _check_options(source)
    with _reader(source) as reader:
        note = reader.checkpoint()
        if note is None:
            raise RefusedError(
                f"{source.url or source.directory} has no checkpoint: the log has published nothing yet, or is elsewhere"
            )
        stated = parse_checkpoint(parse_note(note).text)
        keys = _keys(source, stated)
        yield OpenLog(reader, open_log_checkpoint(note, keys, keys[0].name), note, keys)


def _check_options(source: LogSource) -> None:
    if (source.url is None) == (source.directory is None):
        raise UsageError("say which log: either --url or --log-dir")
    if (source.vkey is None) == (source.trust_root is None):
        raise UsageError("say whose signature counts: either --vkey or --trust-root")


def _keys(source: LogSource, stated: Checkpoint) -> tuple[VerifierKey, ...]:
    if source.vkey is not None:
        return (parse_verifier_key(source.vkey),)
    if source.trust_root is None:
        raise UsageError("say whose signature counts: either --vkey or --trust-root")
    root = parse_trust_root(source.trust_root.read_bytes())
    verify_trust_root(root, datetime.now(UTC))
    log = root.logs.get(Origin(stated.origin))
    keys = () if log is None else tuple(each.key for each in log.keys if each.covers(stated.size))
    if not keys:
        raise SignatureError(f"the trust root names no key of log {stated.origin!r} that may sign size {stated.size}")
    return keys


@contextmanager
def _reader(source: LogSource) -> Iterator[LogReader]:
    if source.directory is not None:
        public = source.directory / _PUBLIC
        # the origin of a reader is what the caller expects; the checkpoint is checked against the keys' name
        yield DirectoryLogReader(public if public.is_dir() else source.directory, "")
        return
    # imported here: a log in a directory is read without an HTTP client
    from node.bootstrap.commands import open_served_log

    with open_served_log(source.url or "", source.api_key) as reader:
        yield reader
