"""`concord`: the commands and their options. What they do is in the modules that they import when called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from node.cli import options
from node.cli.audit.commands import audit_app
from node.cli.catalogue.commands import catalogue_app
from node.cli.consents.commands import consent_app
from node.cli.consortium.commands import consortium_app
from node.cli.consortium.trust_commands import trust_app
from node.cli.failures import CommandLine
from node.cli.log.commands import log_app
from node.cli.operator.clients_commands import clients_app
from node.cli.operator.keys_commands import keys_app
from node.cli.operator.locator_commands import locator_app
from node.cli.patient.commands import patient_app
from node.cli.reading import commands as retrieval_commands
from node.cli.reading.commands import emergency_app, outbox_app
from node.cli.recognition import commands as recognition_commands
from node.cli.recognition.commands import decide_app
from node.cli.recognition.notices_commands import notices_app
from node.cli.recognition.recall_commands import recall_app
from node.cli.records.commands import records_app
from node.cli.records.tombstones_commands import tombstones_app

app = typer.Typer(
    name="concord",
    cls=CommandLine,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(catalogue_app, name="catalogue")
app.add_typer(audit_app, name="audit")
app.add_typer(records_app, name="records")
app.add_typer(tombstones_app, name="tombstones")
app.add_typer(locator_app, name="locator")
app.add_typer(patient_app, name="patient")
app.add_typer(decide_app, name="decide")
app.add_typer(notices_app, name="notices")
app.add_typer(recall_app, name="recall")
app.add_typer(outbox_app, name="outbox")
app.add_typer(emergency_app, name="emergency")
app.add_typer(clients_app, name="clients")
app.add_typer(keys_app, name="keys")
app.add_typer(log_app, name="log")
app.add_typer(trust_app, name="trust")
app.add_typer(consortium_app, name="consortium")
app.add_typer(consent_app, name="consent")


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"concord {version('concord-node')}")
        raise typer.Exit


@app.callback()
def program(
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the release")] = False,
) -> None:
    """A consortium node: commit to exam results, prove them, recognise those of others."""


@app.command()
def init(
    directory: options.Directory,
    institution: Annotated[
        list[str], typer.Option(help="An institution that the node hosts: ID=NAME or ID=NAME=ORIGIN; repeat for more")
    ],
    as_json: options.Json = False,
) -> None:
    """Create a node: its keys, its databases, its settings file, one API key for each institution."""
    from node.cli.operator import init as command

    command.run(directory, institution, as_json=as_json)


@app.command()
def serve(
    directory: options.Directory,
    host: Annotated[str | None, typer.Option(help="Address to listen on; overrides the settings")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one")] = None,
) -> None:
    """Serve the node until it is told to stop."""
    from node.cli.operator import serve as command

    command.run(directory, host, port)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="The evidence file")],
    trust_root: options.TrustRoot,
    rpc: Annotated[str | None, typer.Option(help="Check the anchor on the chain at this JSON-RPC address")] = None,
    max_age: Annotated[
        str | None, typer.Option(help="Refuse evidence that is not proved to be as recent as that: 90s, 30m, 24h, 7d")
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(help="For a slip: compare it with the certificate of its decision, a file of `concord evidence`")
    ] = None,
    lang: Annotated[options.Language | None, typer.Option(help="Language of the words; by default the environment's")] = None,
    as_json: options.Json = False,
) -> None:
    """Verify evidence, offline, against a trust root; exit with 0 verified, 1 refuted, 2 unreadable."""
    from node.cli.verify import command

    demands = command.Demands(rpc, None if max_age is None else command.parse_age(max_age), certificate)
    command.run(file, trust_root, demands, language=lang, as_json=as_json)


@app.command("prove-complete")
def prove_complete(
    *,
    patient: options.PatientFile,
    url: options.LogUrl = None,
    log_dir: options.LogDirectory = None,
    vkey: options.Vkey = None,
    trust_root: options.LogTrustRoot = None,
    api_key: options.LogApiKey = None,
    rpc: Annotated[str | None, typer.Option(help="Read the institution's exchange keys, former ones too, from this chain")] = None,
    exchange_key: Annotated[list[str] | None, typer.Option(help="Or name one, 64 hex digits; repeat for more")] = None,
    window: Annotated[int, typer.Option(min=1, max=1_000_000, help="Numbers to look for beyond the last one")] = 1024,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the proof of contiguity; it holds keys")] = None,
    lang: Annotated[options.Language | None, typer.Option(help="Language of the words; by default the environment's")] = None,
    as_json: options.Json = False,
) -> None:
    """Read a whole log and show that nothing which it holds of a patient is missing; exit with 1 where something is."""
    from node.cli.log.source import LogSource
    from node.cli.patient import prove_complete as command

    source = LogSource(url, log_dir, vkey, trust_root, api_key)
    how = command.Options(patient, rpc, exchange_key or (), window, output)
    command.run(source, how, lang, as_json=as_json)


@app.command("look-again")
def look_again(
    certificate: Annotated[Path, typer.Argument(help="The certificate of the decision, a file of `concord evidence --decision`")],
    *,
    patient: options.PatientFile,
    trust_root: options.TrustRoot,
    node: Annotated[
        list[str] | None, typer.Option("--node", help="ORIGIN=URL: reach the node of a log elsewhere than the trust root says")
    ] = None,
    log_dir: Annotated[
        list[str] | None, typer.Option(help="ORIGIN=DIR: read that log in a directory: checkpoint and tile/ below it")
    ] = None,
    maps: Annotated[
        list[Path] | None, typer.Option("--map", help="The map of an institution that the decision does not pin; repeat for more")
    ] = None,
    window: Annotated[int, typer.Option(min=1, max=1_000_000, help="Numbers to look for beyond the last one")] = 1024,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write what was found, for `concord verify`; it holds keys")
    ] = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> None:
    """Read the logs again for a decision, with the patient's keys: does its check account for all that stood there?"""
    from node.cli.patient import look_again as command

    how = command.Options(certificate, patient, trust_root, node or (), log_dir or (), maps or (), window, output)
    command.run(how, lang, as_json=as_json)


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(help="FHIR documents: files, folders, NDJSON (.ndjson, .jsonl)")],
    *,
    url: options.Url,
    api_key: options.ApiKey,
    resume: Annotated[bool, typer.Option("--resume", help="Leave out what the journal says was acknowledged")] = False,
    journal: Annotated[
        Path | None, typer.Option(help="The journal; by default .concord-ingest.journal beside the first path")
    ] = None,
    wait: Annotated[options.WaitLevel | None, typer.Option(help="Wait until the records have this level")] = None,
    batch_lines: Annotated[int, typer.Option(min=1, help="Lines of NDJSON that one request holds")] = 2_000,
    receipts: Annotated[Path | None, typer.Option(help="Also write the receipts to this file, one JSON a line")] = None,
    as_json: options.Json = False,
) -> None:
    """Submit FHIR documents; an interrupted run is taken up with --resume. Exits with 1 if anything was refused."""
    from node.cli.records import ingest as command

    how = command.Options(url, api_key, resume, journal, None if wait is None else wait.value, batch_lines, receipts)
    command.run(paths, how, as_json=as_json)


@app.command()
def evidence(
    record: Annotated[str | None, typer.Argument(help="The record's id, as its receipt says")] = None,
    *,
    url: options.Url,
    api_key: options.ApiKey,
    output: Annotated[Path, typer.Option("--output", "--out", "-o", help="The file to write")],
    decision: Annotated[
        str | None, typer.Option(help="Instead of a record: id of a decision; its certificate shows what it rested on")
    ] = None,
    parts: Annotated[str | None, typer.Option(help="Numbers of the parts to disclose, such as 1,3; all if not given")] = None,
    version: Annotated[int | None, typer.Option(min=1, help="The record's version; the latest if not given")] = None,
    as_json: options.Json = False,
) -> None:
    """Write the evidence of a record, or the certificate of a decision: with the trust root, anyone verifies it offline."""
    from node.cli.records import acts as command

    what = command.Exported(record, decision, parts, version)
    command.export_evidence(url, api_key, what, output, as_json=as_json)


@app.command()
def find(
    *,
    url: options.Url,
    api_key: options.ApiKey,
    number: retrieval_commands.Number = None,
    system: retrieval_commands.System = "",
    card: retrieval_commands.Card = None,
    purpose: retrieval_commands.Purpose = "treatment",
    staff: retrieval_commands.Staff,
    department: retrieval_commands.Department = "",
    role: retrieval_commands.Role = "",
    authentication: retrieval_commands.Authentication = "",
    as_json: options.Json = False,
) -> None:
    """Find what exists of a patient at all members, in the node's own index; every question is logged."""
    from node.cli.reading import acts as command

    asking = command.Asking(number, system, card, purpose, staff, department, role, authentication)
    command.find(url, api_key, asking, as_json=as_json)


@app.command()
def check(
    orders: recognition_commands.Orders,
    *,
    url: options.Url,
    api_key: options.ApiKey,
    number: retrieval_commands.Number = None,
    system: retrieval_commands.System = "",
    card: retrieval_commands.Card = None,
    encounter: recognition_commands.Encounter = "",
    campus: recognition_commands.Campus = "",
    staff: retrieval_commands.Staff,
    department: retrieval_commands.Department = "",
    role: retrieval_commands.Role = "",
    authentication: retrieval_commands.Authentication = "",
    deadline_ms: recognition_commands.DeadlineMs = None,
    unchecked: recognition_commands.Unchecked = False,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> None:
    """Check an order: what results of others answer it, and why the rest do not."""
    from node.cli.reading.acts import Asking
    from node.cli.recognition import acts as command

    asking = Asking(number, system, card, "treatment", staff, department, role, authentication)
    asked = command.Asked(asking, orders, encounter, campus)
    if unchecked:
        command.note_unchecked(url, api_key, asked, as_json=as_json)
    else:
        command.check(url, api_key, asked, lang, deadline_ms=deadline_ms, as_json=as_json)


@app.command()
def retrieve(
    targets: Annotated[list[str] | None, typer.Argument(help="ORIGIN#INDEX each, as find shows them; all if none")] = None,
    *,
    url: options.Url,
    api_key: options.ApiKey,
    number: retrieval_commands.Number = None,
    system: retrieval_commands.System = "",
    card: retrieval_commands.Card = None,
    purpose: retrieval_commands.Purpose = "treatment",
    emergency: Annotated[str | None, typer.Option(help="Cite this emergency; the purpose is emergency then")] = None,
    consents: Annotated[Path | None, typer.Option(help="Show these consents instead of those that the node keeps")] = None,
    staff: retrieval_commands.Staff,
    department: retrieval_commands.Department = "",
    role: retrieval_commands.Role = "",
    authentication: retrieval_commands.Authentication = "",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Save the evidence of what came in this folder")] = None,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for the holders; they are asked further on")] = 60.0,
    as_json: options.Json = False,
) -> None:
    """Read records of other members: ask, wait, show how far each got. Exits with 1 if one was denied, 3 if a holder is away."""
    from node.cli.reading import acts as command

    purpose = purpose if emergency is None else "emergency"
    asking = command.Asking(number, system, card, purpose, staff, department, role, authentication)
    wanted = command.Wanted(targets or (), emergency, consents, output, timeout)
    command.retrieve(url, api_key, asking, wanted, as_json=as_json)


@app.command()
def status(*, url: options.Url, api_key: options.ApiKey, as_json: options.Json = False) -> None:
    """Show how far each log got, and how the chain does; exits with 1 if the node does not store or a log does not sign."""
    from node.cli.records import acts as command

    command.show_status(url, api_key, as_json=as_json)


@app.command()
def openapi(as_json: options.Json = False) -> None:
    """Print the API's OpenAPI document, which is JSON in any case."""
    from node.cli.operator import openapi as command

    del as_json
    command.run()
