"""`concord catalogue`: catalogue, maps, prices, certificates and regions, offline on files, and on a running node."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from node.cli import options

catalogue_app = typer.Typer(no_args_is_help=True, help="Fill in, look at and check catalogue, maps, prices and certificates.")

Sheets = Annotated[list[Path], typer.Argument(help="One XLSX file, or CSV files: document.csv and one for each table")]
Documents = Annotated[
    list[Path] | None, typer.Argument(help="Documents, or folders of them; the sample documents if none is given")
]


@catalogue_app.command("import")
def import_(
    sheets: Sheets,
    output: Annotated[Path, typer.Option("--output", "-o", help="The document to write")],
    as_json: options.Json = False,
) -> None:
    """Make a document of sheets; if anything is wrong, every such cell is listed and nothing is written."""
    from node.cli.catalogue import acts as command

    command.import_document(sheets, output, as_json=as_json)


@catalogue_app.command()
def export(
    document: Annotated[Path, typer.Argument(help="The document")],
    output: Annotated[Path, typer.Option("--output", "-o", help="An .xlsx file, or a folder for CSV files")],
    as_json: options.Json = False,
) -> None:
    """Write a document as sheets: importing them gives it again."""
    from node.cli.catalogue import acts as command

    command.export_document(document, output, as_json=as_json)


@catalogue_app.command()
def show(
    document: Annotated[Path, typer.Argument(help="The document")],
    as_json: options.Json = False,
) -> None:
    """Show a document: name, version, the digest that pins it, and its rows."""
    from node.cli.catalogue import acts as command

    command.show_document(document, as_json=as_json)


@catalogue_app.command()
def check(documents: Documents = None, as_json: options.Json = False) -> None:
    """Check what documents say of each other: items, regions and classes that exist, units that compare; exit with 1 if not."""
    from node.cli.catalogue import acts as command

    command.check_documents(documents or [], as_json=as_json)


@catalogue_app.command()
def unmapped(
    results: Annotated[list[Path], typer.Argument(help="FHIR documents of one institution: files or folders")],
    *,
    institution: Annotated[str, typer.Option(help="The institution whose map is asked")],
    documents: Annotated[
        list[Path] | None, typer.Option("--documents", help="Documents or folders of them; the sample documents if not given")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """List the codes of results that the institution's map does not know, the most frequent first; exit with 1 if there are any."""
    from node.cli.catalogue import acts as command

    command.show_unmapped(results, institution, documents or [], as_json=as_json)


@catalogue_app.command()
def publish(
    documents: Annotated[list[Path], typer.Argument(help="Documents, or folders of them")],
    *,
    url: options.Url,
    api_key: options.ApiKey,
    as_json: options.Json = False,
) -> None:
    """Publish documents in the institution's log: from there every node takes them over; exit with 1 if one was refused."""
    from node.cli.catalogue import node as command

    command.publish(url, api_key, documents, as_json=as_json)


@catalogue_app.command()
def published(
    *,
    url: options.Url,
    api_key: options.ApiKey,
    kind: Annotated[str | None, typer.Option(help="Of this kind only, such as prices or institution-map")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also old versions, and those that do not hold here")] = False,
    as_json: options.Json = False,
) -> None:
    """Show which documents hold at a node, where they were published, and what stands against the newest."""
    from node.cli.catalogue import node as command

    command.show_published(url, api_key, kind, everything=everything, as_json=as_json)


@catalogue_app.command()
def worklist(
    *,
    url: options.Url,
    api_key: options.ApiKey,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Codes to show")] = 100,
    as_json: options.Json = False,
) -> None:
    """List codes of results and orderables that occurred at a node and have no row in a map, the newest first."""
    from node.cli.catalogue import node as command

    command.show_worklist(url, api_key, limit, as_json=as_json)
