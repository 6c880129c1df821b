"""`concord look-again`: with the patient's keys, read the logs again for a decision certificate and account for each entry.

Exit codes: 0 the check accounts for all that was found, 1 not for all, or a log is not in order, 2 unreadable input, wrong
keys or wrong usage, 3 undecided: a log was not reached, or what an entry says is not shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

import typer

from ledger.ports import LogReader
from ledger.store.posix import DirectoryLogReader
from node.cli.failures import REFUSED, UNREACHED, UsageError
from node.cli.files import write_file
from node.cli.options import Language
from node.cli.output import printable, progress, show_json
from node.cli.patient.files import read_patient
from node.cli.patient.view import HttpGateway, endpoints_of
from node.cli.texts import Texts, language_of, load_texts
from node.cli.verify.look import describe_look, look_json
from node.domain.entry import Origin
from node.domain.look_verdict import LookVerdict
from node.domain.trust import TrustRoot
from node.errors import ForeignKeysError, ForeignPatientError
from node.services.patient_view.look_again import Look, LookOrder, LookTrouble, look_again
from node.wire.certificate.file import MAX_CERTIFICATE_BYTES
from node.wire.certificate.look_file import encode_look
from node.wire.certificate.look_verification import verify_look
from node.wire.patient.entries import AnsweredLog, TagsByLog
from node.wire.trust_root import parse_trust_root

_PRIVATE_MODE: Final = 0o600
"""The file holds keys of the patient."""
_PUBLIC: Final = "public"
_TABLE: Final = "look"
_DISORDER: Final = frozenset({"missing", "repeated", "disordered", "unknown"})


@dataclass(frozen=True, slots=True)
class Options:
    """What the options say."""

    certificate: Path
    """The decision certificate."""
    patient: Path
    """The patient's file."""
    trust_root: Path
    """The consortium's trust root; it names the nodes."""
    nodes: Sequence[str]
    """ORIGIN=URL: reach the node of a log elsewhere than the trust root says."""
    log_directories: Sequence[str]
    """ORIGIN=DIR: read the leaves of a log out of a directory instead."""
    maps: Sequence[Path]
    """Maps of institutions that the decision does not pin."""
    window: int
    """Numbers to look for beyond the last one."""
    output: Path | None
    """Where to write the file."""


class NodesGateway:
    """A `LookGateway`: each log's own node, or a directory for the leaves."""

    def __init__(self, root: TrustRoot, endpoints: Mapping[Origin, str], directories: Mapping[Origin, Path]) -> None:
        self._root = root
        self._endpoints = endpoints
        self._directories = directories
        self._nodes = HttpGateway(endpoints)

    @contextmanager
    def open_log(self, origin: Origin) -> Iterator[LogReader]:
        """Open a log."""
        known, directory = self._root.logs.get(origin), self._directories.get(origin)
        if known is None:
            raise ConnectionError(f"the trust root, serial {self._root.serial}, does not say where the log {origin} is")
        if directory is not None:
            public = directory / _PUBLIC
            yield DirectoryLogReader(public if public.is_dir() else directory, origin)
            return
        # imported here: logs in directories are read without an HTTP client
        from node.bootstrap.commands import open_served_log

        with open_served_log(f"{self._endpoints[origin]}/log/{quote(known.institution)}", None) as reader:
            yield reader

    def entries(self, origin: Origin, tags: TagsByLog) -> Mapping[Origin, AnsweredLog]:
        """Return what the log's node has under these tags."""
        return self._nodes.entries(origin, tags)


def run(options: Options, language: Language | None, *, as_json: bool) -> None:
    """Look again; exit as the module says.

    Raises:
        UsageError: The keys are not those of the certificate's patient, or an option names no log.
        ConcordError: The certificate, the trust root or a file does not hold or cannot be read.
    """
    texts = load_texts(language or language_of())
    root = parse_trust_root(options.trust_root.read_bytes())
    look, verdict = _look(options, root, quiet=as_json)
    if options.output is not None:
        write_file(options.output, encode_look(look.file), mode=_PRIVATE_MODE)
    if as_json:
        shown = {**look_json(verdict), "troubles": [_trouble_json(each) for each in look.troubles]}
        show_json({**shown, "written": None if options.output is None else str(options.output)})
    else:
        said = [*describe_look(verdict, texts), *_describe(look.troubles, texts)]
        said += [] if options.output is None else ["", texts.say(_TABLE, "written", {"file": str(options.output)})]
        typer.echo("\n".join(map(printable, said)))
    _exit(look, verdict)


def _look(options: Options, root: TrustRoot, *, quiet: bool) -> tuple[Look, LookVerdict]:
    patient = read_patient(options.patient)
    if not patient.epoch_keys:
        raise UsageError(f"{options.patient} holds no epoch keys: `concord patient keep` puts those of the code service in")
    gateway = NodesGateway(root, endpoints_of(root, options.nodes), _directories(root, options.log_directories))
    with options.certificate.open("rb") as file:
        # one byte more than allowed is enough for the parser to refuse it
        certificate = file.read(MAX_CERTIFICATE_BYTES + 1)
    maps = tuple(path.read_bytes() for path in options.maps)
    order, now = LookOrder(certificate, patient.epoch_keys, maps, options.window), datetime.now(UTC)
    try:
        with progress("leaves", None, quiet=quiet) as advance:
            look = look_again(order, root, gateway, now, advance)
        return look, verify_look(look.file, root, now=now)
    except (ForeignKeysError, ForeignPatientError) as error:
        raise UsageError(f"{options.patient}: {error}") from error


def _directories(root: TrustRoot, named: Sequence[str]) -> dict[Origin, Path]:
    directories = {}
    for each in named:
        origin, mark, path = each.partition("=")
        if not mark or Origin(origin) not in root.logs:
            raise UsageError(f"--log-dir {each}: give ORIGIN=DIR, with the origin of a log of the trust root")
        directories[Origin(origin)] = Path(path)
    return directories


def _describe(troubles: Sequence[LookTrouble], texts: Texts) -> list[str]:
    if not troubles:
        return []
    said = ["", texts.say(_TABLE, "troubles")]
    for each in troubles:
        key = f"trouble_{each.reason}" if each.reason in _DISORDER else "trouble_other"
        said.append(f"  - {texts.say(_TABLE, key, {'origin': each.origin, 'reason': each.reason})}")
    return said


def _trouble_json(trouble: LookTrouble) -> dict[str, object]:
    return {"origin": trouble.origin, "reason": trouble.reason, "of_the_log": trouble.is_of_the_log}


def _exit(look: Look, verdict: LookVerdict) -> None:
    if verdict.hidden or any(each.is_of_the_log for each in look.troubles):
        raise typer.Exit(REFUSED)
    if look.troubles or verdict.undecided:
        raise typer.Exit(UNREACHED)
