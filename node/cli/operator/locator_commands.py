"""`concord locator`: locator secrets of new epochs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from node.cli import options

locator_app = typer.Typer(no_args_is_help=True, help="Begin a new epoch of locator tags: yearly, and when a member is suspended.")

Institution = Annotated[str, typer.Option("--institution", help="The hosted institution")]


@locator_app.command()
def rotate(
    directory: options.Directory,
    institution: Institution,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file that goes to the other members")],
    as_json: options.Json = False,
) -> None:
    """Draw the locator secret of the next epoch and seal it to every active member; the node must not be running."""
    from node.cli.operator import locator as command

    command.rotate(directory, institution, output, as_json=as_json)


@locator_app.command("import")
def import_secret(
    directory: options.Directory,
    institution: Institution,
    file: Annotated[Path, typer.Argument(help="The file that a member sent")],
    as_json: options.Json = False,
) -> None:
    """Take over the locator secret of a new epoch that another member drew; the node must not be running."""
    from node.cli.operator import locator as command

    command.take_over(directory, institution, file, as_json=as_json)
