"""`concord prove-complete`: with the patient's keys, read a whole log and show that nothing under them is missing.

Exit codes: 0 nothing is missing, 1 something is, 2 unreadable input or wrong usage, 3 log or chain not reached.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer

from node.cli.failures import REFUSED, UsageError
from node.cli.files import write_file
from node.cli.log.source import LogSource, OpenLog, open_log
from node.cli.options import Language
from node.cli.output import printable, progress, show_json
from node.cli.patient.files import read_patient
from node.cli.texts import Texts, language_of, load_texts
from node.domain.trust import TrustRoot
from node.services.patient_view.completeness import LogScan, ScannedSeries, prove_completeness, scan_log, series_keys
from node.wire.evidence.completeness import SeriesKey, encode_completeness
from node.wire.patient.file import PatientFile
from node.wire.trust_root import parse_trust_root

_KEY: Final = re.compile(r"[0-9a-f]{64}")
_PRIVATE_MODE: Final = 0o600
"""The file holds keys of the patient."""
_SHOWN: Final = 20
_EXCHANGE: Final = "exchange"


@dataclass(frozen=True, slots=True)
class Options:
    """What the options say."""

    patient: Path
    """The patient's file."""
    rpc: str | None
    """Take the institution's exchange keys from the registry on this chain."""
    exchange_keys: Sequence[str]
    """Or take these."""
    window: int
    """Numbers to look for beyond the last one."""
    output: Path | None
    """Where to write the file."""


def run(source: LogSource, options: Options, language: Language | None, *, as_json: bool) -> None:
    """Scan the log; exit with 1 where something is missing.

    Raises:
        UsageError: The options do not say whose exchange keys count.
        ConcordError, LedgerError: The log, the chain or a file cannot be read.
    """
    texts = load_texts(language or language_of())
    patient = read_patient(options.patient)
    with open_log(source) as log:
        keys = _series_keys(patient, _exchange_keys(source, options, log))
        size = int(log.checkpoint.size)
        with progress("leaves", size, quiet=as_json) as advance:
            scan = scan_log(log.reader, log.checkpoint, keys, window=options.window, advance=advance)
        if options.output is not None and scan.is_complete:
            file = encode_completeness(prove_completeness(log.reader, log.checkpoint, log.note, scan))
            write_file(options.output, file, mode=_PRIVATE_MODE)
    written = options.output if scan.is_complete else None
    if as_json:
        show_json(_document(log.checkpoint.origin, scan, written))
    else:
        typer.echo("\n".join(map(printable, _describe(log.checkpoint.origin, scan, written, texts))))
    if not scan.is_complete:
        raise typer.Exit(REFUSED)


def _series_keys(patient: PatientFile, exchange_keys: Sequence[bytes]) -> list[SeriesKey]:
    try:
        return series_keys(patient.seed, patient.epoch_keys, exchange_keys)
    except ValueError as error:
        raise UsageError(f"exchange key: {error}") from error


def _exchange_keys(source: LogSource, options: Options, log: OpenLog) -> list[bytes]:
    if (options.rpc is None) == (not options.exchange_keys):
        raise UsageError("say whose keys count: --rpc to read all that the institution ever registered, or --exchange-key")
    if options.rpc is None:
        if not all(_KEY.fullmatch(key) for key in options.exchange_keys):
            raise UsageError("--exchange-key: give 64 lowercase hex digits")
        return [bytes.fromhex(key) for key in options.exchange_keys]
    if source.trust_root is None:
        raise UsageError("--rpc needs --trust-root, which names the chain and whose log this is")
    root = parse_trust_root(source.trust_root.read_bytes())
    return _registered_keys(options.rpc, root, log.checkpoint.origin)


def _registered_keys(rpc: str, root: TrustRoot, origin: str) -> list[bytes]:
    # imported here: web3 takes longer to import than most commands take to run
    from node.bootstrap.commands import open_consortium

    owner = next(each.institution for each in root.logs.values() if each.origin == origin)
    with open_consortium(rpc, root.chain, None) as chain:
        members = chain.registry().members
    keys = [key.value for each in members if each.institution == owner for key in each.keys if key.kind == _EXCHANGE]
    if not keys:
        raise UsageError(f"the registry holds no exchange key of {owner}; name it with --exchange-key")
    return keys


def _describe(origin: str, scan: LogScan, written: Path | None, texts: Texts) -> list[str]:
    lines = [texts.say("complete", "scan_log", {"origin": origin, "size": str(scan.size), "window": str(scan.window)})]
    for series in scan.series:
        lines.append(f"  - {_series(series, texts)}")
        for problem in ("missing", "repeated", "disordered"):
            numbers = getattr(series, problem)
            if numbers:
                shown = ", ".join(map(str, numbers[:_SHOWN])) + ("…" if len(numbers) > _SHOWN else "")
                lines.append(f"    {texts.say('complete', f'scan_{problem}', {'numbers': shown})}")
    if scan.unknown_leaves:
        lines.append(f"  - {texts.say('complete', 'scan_unknown', {'count': str(scan.unknown_leaves)})}")
    lines.append(texts.say("complete", "scan_complete" if scan.is_complete else "scan_incomplete", {"size": str(scan.size)}))
    if written is not None:
        lines.append(texts.say("complete", "written", {"file": str(written)}))
    return lines


def _series(series: ScannedSeries, texts: Texts) -> str:
    key, count = series.key, str(len(series.places))
    if key.exchange_key is None:
        return texts.say("complete", "scan_records", {"epoch": str(key.epoch), "count": count})
    return texts.say("complete", "scan_private", {"exchange_key": key.exchange_key.hex()[:16], "count": count})


def _document(origin: str, scan: LogScan, written: Path | None) -> dict[str, object]:
    return {
        "verdict": "complete" if scan.is_complete else "incomplete",
        "origin": origin,
        "size": scan.size,
        "window": scan.window,
        "unknown_leaves": scan.unknown_leaves,
        "series": [
            {
                "tag_class": each.key.tag_class,
                "epoch": each.key.epoch,
                "exchange_key": None if each.key.exchange_key is None else each.key.exchange_key.hex(),
                "count": len(each.places),
                "indices": list(each.places.values()),
                "missing": list(each.missing),
                "repeated": list(each.repeated),
                "disordered": list(each.disordered),
            }
            for each in scan.series
        ],
        "written": None if written is None else str(written),
    }
