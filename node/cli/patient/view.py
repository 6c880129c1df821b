"""`concord patient results`, `consents`, `access` and `export`: what a patient sees, gathered from the nodes and verified here.

Exit codes: 0 all nodes answered and nothing is missing between, 1 something could not be shown or does not hold, 2
unreadable input or wrong usage, 3 no node was reached.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import typer

from node.cli.api_client import ApiClient
from node.cli.failures import REFUSED, RefusedError, UnreachedError, UsageError
from node.cli.files import write_file
from node.cli.options import Language
from node.cli.output import printable, show, show_json
from node.cli.patient.files import read_patient
from node.cli.patient.words import describe_lines, line_json
from node.cli.texts import language_of, load_texts
from node.domain.access import RequestId
from node.domain.entry import Origin
from node.domain.header import HeaderContent
from node.domain.trust import TrustRoot
from node.errors import MalformedPatientEntriesError
from node.services.patient_view.gathering import RECORDS_PATH, PatientView, gather, signed_request
from node.wire.evidence.bundle import encode_bundle_file
from node.wire.evidence.bundle_verification import verify_bundle
from node.wire.leaf import parse_leaf
from node.wire.patient.entries import AnsweredLog, OwnRecordRequest, TagsByLog, encode_request, parse_answer
from node.wire.trust_root import parse_trust_root, verify_trust_root

_PRIVATE_MODE: Final = 0o600
"""What a patient exports is the patient's."""
_KEY: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Asking:
    """Whose entries, and whom to ask."""

    patient: Path
    """The patient's file."""
    trust_root: Path
    """The consortium's trust root; it names the nodes."""
    nodes: Sequence[str]
    """ORIGIN=URL: reach the node of a log elsewhere than the trust root says."""


class NodeUnreachedError(ConnectionError):
    """The node of a log does not answer, or not for this log."""


class HttpGateway:
    """A `PatientGateway` over HTTP: asks each log's own node."""

    def __init__(self, endpoints: Mapping[Origin, str]) -> None:
        self._endpoints = endpoints

    def exchange_keys(self, origin: Origin) -> list[bytes]:
        """Return the exchange keys that the node names for a log."""
        try:
            with ApiClient(self._endpoints[origin], "") as client:
                answer = client.get_json("/v1/patient/keys")
        except (RefusedError, UnreachedError) as error:
            raise NodeUnreachedError(str(error)) from error
        return _exchange_keys(answer, origin)

    def entries(self, origin: Origin, tags: TagsByLog) -> dict[Origin, AnsweredLog]:
        """Return what the node has under these tags."""
        try:
            with ApiClient(self._endpoints[origin], "") as client:
                answer = client.post_bytes("/v1/patient/entries", encode_request(tags))
        except (RefusedError, UnreachedError) as error:
            raise NodeUnreachedError(str(error)) from error
        return parse_answer(answer)


def show_section(asking: Asking, sections: Sequence[str], language: Language | None, *, as_json: bool) -> None:
    """Show some of what the patient sees; exit with 1 where something could not be shown."""
    view = gather_view(asking)
    if as_json:
        shown = [line_json(each.line) for each in view.lines]
        lines = [line for line in shown if line["section"] in sections]
        show_json({"lines": lines, "troubles": _troubles_json(view)})
    else:
        texts = load_texts(language or language_of())
        said = describe_lines([each.line for each in view.lines], texts, sections)[1:]
        for trouble in view.troubles:
            key = "gap" if trouble.reason == "gap" else "away"
            said.append(texts.say("patient", key, {"origin": trouble.origin, "reason": trouble.reason}))
        typer.echo("\n".join(map(printable, said)))
    _exit(view)


def export(asking: Asking, output: Path, completeness: Sequence[Path], *, headers_only: bool, as_json: bool) -> None:
    """Write all of it as one bundle that `concord verify` reads; exit with 1 where something could not be shown."""
    view = gather_view(asking)
    files = [path.read_bytes() for path in completeness]
    evidence, missing = ({}, 0) if headers_only else _evidence(asking, view)
    now = datetime.now(UTC)
    bundle = view.bundle(int(now.timestamp() * 1000), evidence=evidence, completeness=files)
    # what nodes answered goes to others under the patient's name: nothing that does not hold
    verify_bundle(bundle, parse_trust_root(asking.trust_root.read_bytes()), now=now)
    content = encode_bundle_file(bundle)
    write_file(output, content, mode=_PRIVATE_MODE)
    document = {
        "written": str(output),
        "bytes": len(content),
        "lines": len(bundle.lines),
        "in_full": len(evidence),
        "not_in_full": missing,
        "troubles": _troubles_json(view),
    }
    show(document, as_json=as_json)
    _exit(view)


def _evidence(asking: Asking, view: PatientView) -> tuple[dict[tuple[Origin, int], bytes], int]:
    """Ask for each result in full; return what came, and how many did not."""
    root, patient = parse_trust_root(asking.trust_root.read_bytes()), read_patient(asking.patient)
    reached = endpoints_of(root, asking.nodes)
    found: dict[tuple[Origin, int], bytes] = {}
    wanted = [each for each in view.lines if each.line.header and isinstance(each.line.header.content, HeaderContent)]
    for each in wanted:
        origin = each.line.origin
        asked = OwnRecordRequest(origin, parse_leaf(each.proof.leaf).tag, RequestId(secrets.token_hex(16)))
        body, headers = signed_request(patient.seed, root.logs[origin].endpoint, asked, datetime.now(UTC))
        try:
            with ApiClient(reached[origin], "") as client:
                found[origin, each.line.leaf_index] = client.post_bytes(RECORDS_PATH, body, headers)
        except (RefusedError, UnreachedError):
            continue  # its header is shown all the same
    return found, len(wanted) - len(found)


def gather_view(asking: Asking) -> PatientView:
    """Ask all nodes.

    Raises:
        UsageError: A node is named wrongly.
        UnreachedError: None of them answers.
        ConcordError: A file is unreadable, or the trust root may not be used.
    """
    patient = read_patient(asking.patient)
    root = parse_trust_root(asking.trust_root.read_bytes())
    verify_trust_root(root, datetime.now(UTC))
    view = gather(patient, root, HttpGateway(endpoints_of(root, asking.nodes)))
    if not view.lines and len({each.origin for each in view.troubles}) == len(root.logs):
        raise UnreachedError("; ".join(f"{each.origin}: {each.reason}" for each in view.troubles))
    return view


def endpoints_of(root: TrustRoot, nodes: Sequence[str]) -> dict[Origin, str]:
    """Return where the node of each log is.

    Raises:
        UsageError: A node is named wrongly.
    """
    endpoints = {log.origin: log.endpoint for log in root.logs.values()}
    for each in nodes:
        origin, mark, url = each.partition("=")
        if not mark or Origin(origin) not in endpoints:
            raise UsageError(f"--node {each}: give ORIGIN=URL, with the origin of a log of the trust root")
        endpoints[Origin(origin)] = url
    return endpoints


def _exchange_keys(answer: Any, origin: Origin) -> list[bytes]:  # noqa: ANN401 - JSON of a node that is not believed
    try:
        keys = answer["logs"][origin]["exchange_keys"]
        if all(_KEY.fullmatch(key) for key in keys):
            return [bytes.fromhex(key) for key in keys]
    except (KeyError, TypeError) as error:
        raise MalformedPatientEntriesError(f"the node names no exchange keys of {origin}") from error
    raise MalformedPatientEntriesError(f"the node names no exchange keys of {origin}")


def _troubles_json(view: PatientView) -> list[dict[str, str]]:
    return [{"origin": each.origin, "institution": each.institution, "reason": each.reason} for each in view.troubles]


def _exit(view: PatientView) -> None:
    if view.troubles:
        raise typer.Exit(REFUSED)
