"""`concord-devnet`: a consortium on loopback, to try things on."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Annotated, Final

import typer

_HELP: Final = "A Concord consortium on loopback: chain, contracts, institutions admitted by vote, nodes."
_SETTINGS: Final = "CONCORD_"
_KEPT: Final = frozenset({"CONCORD_DEBUG"})

app = typer.Typer(
    name="concord-devnet",
    help=_HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

DirectoryOption = Annotated[Path, typer.Option("--dir", help="Where the devnet keeps everything")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table")]


@app.callback(help=_HELP)
def forget_variables() -> None:
    """Forget the shell's variables for nodes: they may be those of another consortium, with which an operator works besides."""
    for name in [each for each in os.environ if each.startswith(_SETTINGS) and each not in _KEPT]:
        del os.environ[name]


@app.command()
def up(
    directory: DirectoryOption,
    engine: Annotated[str, typer.Option(help="Chain engine: embedded or geth")] = "embedded",
    institutions: Annotated[int, typer.Option(help="How many institutions in all", min=5)] = 5,
    anchor_interval: Annotated[float, typer.Option(help="Seconds between anchors, if there is news", min=0.1)] = 1.0,
    detach: Annotated[bool, typer.Option("--detach", help="Leave it running in the background")] = False,
    as_json: JsonOption = False,
) -> None:
    """Start a devnet, or start again one that was stopped: same keys, same chain, same records."""
    from devnet.reports import guarded, show_devnet
    from devnet.topology import Devnet

    with guarded():
        devnet = Devnet.up(directory, engine=engine, institutions=institutions, anchor_interval_s=anchor_interval)
        show_devnet(devnet, as_json=as_json)
        if detach:
            return
        if not as_json:
            typer.echo("Ctrl-C stops it.", err=True)
        # waited for, not handled: nothing else happens in this process meanwhile
        signals = {signal.SIGINT, signal.SIGTERM}
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        signal.sigwait(signals)
        devnet.down()


@app.command()
def down(directory: DirectoryOption, as_json: JsonOption = False) -> None:
    """Stop a devnet; what it holds stays."""
    from devnet.reports import guarded
    from devnet.topology import Devnet

    with guarded():
        Devnet.open(directory).down()
        typer.echo(json.dumps({"stopped": str(directory)}) if as_json else f"stopped; {directory} keeps keys, chain and records")


@app.command()
def status(directory: DirectoryOption, as_json: JsonOption = False) -> None:
    """Show what runs; exit code 1 if anything does not."""
    from devnet.reports import guarded, show_status
    from devnet.topology import Devnet

    with guarded():
        if not show_status(Devnet.open(directory), as_json=as_json):
            raise typer.Exit(1)


@app.command()
def simulate(
    region: Annotated[str, typer.Option(help="guangzhou: 86 hospitals; longhua: 499 institutions")] = "guangzhou",
    visits: Annotated[int, typer.Option(help="Visits in the simulated year", min=100)] = 30_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same year")] = 1,
    keep: Annotated[Path | None, typer.Option(help="Keep nodes, logs and documents in this new folder")] = None,
    as_json: JsonOption = False,
) -> None:
    """Simulate a region for a year, in this process; exit code 1 if figures or findings are not what they have to be."""
    from devnet.reports import guarded
    from devnet.simulation.config import REGIONS
    from devnet.simulation.report import show_outcome, watched
    from devnet.simulation.run import simulate as run

    if region not in REGIONS:
        raise typer.BadParameter(f"one of {', '.join(REGIONS)}", param_hint="--region")
    with guarded():
        with watched() as lived:
            outcome = run(REGIONS[region], visits, seed, keep, lived)
        if not show_outcome(outcome, as_json=as_json):
            raise typer.Exit(1)


if __name__ == "__main__":
    app()
