"""`concord audit`: the life of a record, and what supervision found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from node.cli import options

audit_app = typer.Typer(no_args_is_help=True, help="The life of a record, and what supervision found.")


@audit_app.command()
def trail(
    record: Annotated[str, typer.Argument(help="The record's id, as its receipt says")],
    *,
    url: options.Url,
    api_key: options.ApiKey,
    trust_root: options.TrustRoot,
    evidence: Annotated[Path | None, typer.Option(help="Write the proof of each line into this directory")] = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> None:
    """Tell the life of one record, line by line, each with its place in the log: versions, who read it, what became of it."""
    from node.cli.audit import acts as command

    command.show_trail(url, api_key, trust_root, record, evidence, lang, as_json=as_json)


@audit_app.command()
def findings(
    *,
    url: options.Url,
    api_key: options.ApiKey,
    code: Annotated[str | None, typer.Option(help="Of this kind only, such as holder_alone")] = None,
    institution: Annotated[str | None, typer.Option(help="That this institution has to answer for")] = None,
    open_only: Annotated[bool, typer.Option("--open", help="Without those that have settled")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Findings to show")] = 100,
    before: Annotated[str | None, typer.Option(help="Go on from here: `next_before` of the page before")] = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> None:
    """List what a regulator's node found in the logs, newest first."""
    from node.cli.audit import acts as command

    query = command.FindingQuery(code, institution, open_only, limit, before)
    command.list_findings(url, api_key, query, lang, as_json=as_json)


@audit_app.command()
def evidence(
    finding: Annotated[str, typer.Argument(help="The finding's id")],
    *,
    url: options.Url,
    api_key: options.ApiKey,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write")],
    as_json: options.Json = False,
) -> None:
    """Write what shows a finding; whoever has it and the trust root can verify it offline."""
    from node.cli.audit import acts as command

    command.export_finding(url, api_key, finding, output, as_json=as_json)


@audit_app.command()
def report(
    *,
    url: options.Url,
    api_key: options.ApiKey,
    by: Annotated[str, typer.Option(help="By what: institution, campus, class, modality, item, reason or all")] = "institution",
    first: Annotated[str | None, typer.Option("--from", help="First month, such as 2026-01; without any: all time")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last month; by default the first")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write a CSV file for each table into this folder")] = None,
    xlsx: Annotated[Path | None, typer.Option(help="Write a workbook with a sheet for each table")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with charts")] = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> None:
    """Report a regulator's figures and open findings, on the screen and as files."""
    from node.cli.audit import report as command

    query = command.ReportQuery(by, first, last)
    command.report(url, api_key, query, command.ReportFiles(csv, xlsx, html), lang, as_json=as_json)


@audit_app.command()
def export(
    output: Annotated[Path, typer.Argument(help="The SQLite file to write, such as concord.sqlite")],
    *,
    url: options.Url,
    api_key: options.ApiKey,
    first: Annotated[str | None, typer.Option("--from", help="First month of figures by month; without any: of all time")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last month; by default the first")] = None,
    metadata: Annotated[Path | None, typer.Option(help="Write the metadata file with which Datasette explains it")] = None,
    as_json: options.Json = False,
) -> None:
    """Export entries, receipts, findings and figures as one SQLite file, with full-text search and views."""
    from node.cli.audit import export as command

    command.export(url, api_key, output, metadata, command.ExportQuery(first, last), as_json=as_json)
