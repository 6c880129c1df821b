"""`concord verify`: a file and a trust root in, words and an exit code out. Offline; only `--rpc` opens a connection.

Exit codes: 0 verified, 1 refuted (or the trust root may not be used), 2 unreadable, 3 the chain of `--rpc` was not
reached. It starts fast and small: neither web3 nor a web framework nor a database is imported.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import typer

from ledger.checkpoints import parse_checkpoint
from ledger.errors import MalformedError
from ledger.notes import parse_note
from ledger.proofs import parse_tlog_proof
from node.cli.failures import REFUSED, UNREACHED, UNREADABLE, UsageError
from node.cli.options import Language
from node.cli.output import printable, show_json
from node.cli.texts import Texts, language_of, load_texts
from node.cli.verify.fork import check_fork
from node.cli.verify.lines import Shown, check_bundle, check_completeness, check_finding
from node.cli.verify.record import check_qr, describe
from node.domain.entry import Origin
from node.domain.trust import TrustRoot
from node.domain.verdict import AnchoredHeadLike
from node.errors import (
    ChainError,
    ConcordError,
    EvidenceRefutedError,
    MalformedEvidenceError,
    VerificationError,
    WireError,
)
from node.wire.certificate import file as decision_certificate
from node.wire.certificate import look_file
from node.wire.certificate.file import MAX_CERTIFICATE_BYTES
from node.wire.evidence import bundle, completeness, finding_evidence, fork_evidence
from node.wire.evidence.bundle import MAX_BUNDLE_BYTES
from node.wire.evidence.file import Evidence, parse_evidence
from node.wire.evidence.qr_evidence import is_qr_evidence
from node.wire.evidence.verdict_json import refuted_json, unreadable_json, verdict_json
from node.wire.evidence.verification import verify_evidence
from node.wire.file_format import format_of
from node.wire.trust_root import parse_trust_root

_AGE: Final = re.compile(r"([1-9][0-9]{0,6})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_MAX_TRUST_ROOT_BYTES: Final = 1_000_000


def _check_certificate(data: bytes, root: TrustRoot, now: datetime, texts: Texts) -> Shown:
    # imported here: it runs the rules of recognition again, which no other file needs
    from node.cli.verify.certificate import check_certificate

    return check_certificate(data, root, now, texts)


def _check_look(data: bytes, root: TrustRoot, now: datetime, texts: Texts) -> Shown:
    from node.cli.verify.look import check_look

    return check_look(data, root, now, texts)


def _check_slip(data: bytes, certificate: bytes, root: TrustRoot, now: datetime, max_age: timedelta | None, texts: Texts) -> Shown:
    from node.cli.verify.certificate import check_slip

    return check_slip(data, certificate, root, now, max_age, texts)


_FORMATS: Final[Mapping[str, Callable[[bytes, TrustRoot, datetime, Texts], Shown]]] = {
    completeness.FORMAT: check_completeness,
    bundle.FORMAT: check_bundle,
    fork_evidence.FORMAT: check_fork,
    finding_evidence.FORMAT: check_finding,
    decision_certificate.FORMAT: _check_certificate,
    look_file.FORMAT: _check_look,
}
"""Files other than evidence, by the format that they name."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What to say where nothing was proved."""

    heading: str
    """Key of its heading in the texts."""
    exit_code: int
    """What the process ends with."""
    document: dict[str, object]
    """For programs."""


@dataclass(frozen=True, slots=True)
class Demands:
    """What is asked of a file besides that it holds."""

    rpc: str | None
    """Check the anchor on the chain at this address."""
    max_age: timedelta | None
    """How recent it has to be proved to be."""
    certificate: Path | None
    """The certificate with which a slip has to agree."""


def run(file: Path, trust_root: Path, demands: Demands, *, language: Language | None, as_json: bool) -> None:
    """Verify, say what was found, and exit accordingly."""
    texts = load_texts(language or language_of())
    try:
        document, lines = _verify(file, trust_root, demands, texts)
    except (ConcordError, OSError) as error:
        _refuse(_outcome(error), texts, as_json=as_json)
        return
    if as_json:
        show_json(document)
    else:
        typer.echo("\n".join(map(printable, lines)))


def parse_age(text: str) -> timedelta:
    """Parse a duration such as 90s, 30m, 24h or 7d.

    Raises:
        UsageError: It is none.
    """
    match = _AGE.fullmatch(text)
    if match is None:
        raise UsageError(f"--max-age {text!r}: give a number and a unit, such as 90s, 30m, 24h or 7d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _verify(file: Path, trust_root: Path, demands: Demands, texts: Texts) -> Shown:
    rpc, max_age = demands.rpc, demands.max_age
    root = parse_trust_root(_read(trust_root, _MAX_TRUST_ROOT_BYTES))
    data, now = _read(file, MAX_BUNDLE_BYTES), datetime.now(UTC)
    if is_qr_evidence(data):
        if rpc is not None:
            raise UsageError("--rpc is for evidence files: the text of a QR code states no anchor, and is verified offline")
        if demands.certificate is not None:
            return _check_slip(data, _read(demands.certificate, MAX_CERTIFICATE_BYTES), root, now, max_age, texts)
        return check_qr(data, root, now, max_age, texts)
    if demands.certificate is not None:
        raise UsageError("--certificate is for the text of a slip's QR code: what is compared is its summary")
    check = _FORMATS.get(format_of(data))
    if check is not None:
        if rpc is not None or max_age is not None:
            raise UsageError("--rpc and --max-age are for evidence of records: this file is verified offline, and does not age")
        return check(data, root, now, texts)
    evidence = parse_evidence(data)
    head = None if rpc is None else _read_head(rpc, root, evidence)
    verdict = verify_evidence(evidence, root, now=now, max_age=max_age, anchor_head=head)
    return verdict_json(verdict), describe(verdict, texts)


def _read(path: Path, limit_bytes: int) -> bytes:
    with path.open("rb") as file:
        # one byte more than allowed is enough for the parser to refuse it, however large the file is
        return file.read(limit_bytes + 1)


def _read_head(rpc: str, root: TrustRoot, evidence: Evidence) -> AnchoredHeadLike | None:
    try:
        origin = parse_checkpoint(parse_note(parse_tlog_proof(evidence.proof).checkpoint).text).origin
    except MalformedError as error:
        raise MalformedEvidenceError(f"proof: {error}") from error
    # imported here: web3 takes longer to import than everything else takes to run
    from node.bootstrap.commands import read_anchored_head

    stated = evidence.anchor
    return read_anchored_head(rpc, root.chain, Origin(origin), None if stated is None else stated.block_number)


def _outcome(error: ConcordError | OSError) -> _Outcome:
    if isinstance(error, EvidenceRefutedError):
        return _Outcome("refuted", REFUSED, refuted_json(error))
    if isinstance(error, ChainError):
        return _Outcome("undecided", UNREACHED, _document("undecided", error))
    if isinstance(error, VerificationError):
        return _Outcome("undecided", REFUSED, _document("undecided", error))
    if isinstance(error, WireError):
        return _Outcome("unreadable", UNREADABLE, unreadable_json(error))
    return _Outcome("unreadable", UNREADABLE, _document("unreadable", error))


def _document(verdict: str, error: Exception) -> dict[str, object]:
    detail = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
    return {"verdict": verdict, "error": type(error).__name__, "detail": detail}


def _refuse(outcome: _Outcome, texts: Texts, *, as_json: bool) -> None:
    name, detail = str(outcome.document["error"]), str(outcome.document["detail"])
    if as_json:
        show_json(outcome.document)
    else:
        typer.echo(texts.say("report", outcome.heading, {"error": name}))
        explained = texts.find("refused", name)
        if explained is not None:
            typer.echo(explained)
    # a line break in what a file holds must not look like a second message
    typer.echo(f"error: {printable(' '.join(detail.split()))}", err=True)
    raise typer.Exit(outcome.exit_code)
