"""What `concord-devnet` prints, and how it fails: one line and an exit code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import typer
from rich.console import Console
from rich.table import Table

from devnet.engines.errors import EngineError
from devnet.errors import DevnetError
from devnet.topology import Devnet, identity_of
from node.errors import ConcordError


@contextmanager
def guarded() -> Iterator[None]:
    """Turn errors into one line and exit code 1."""
    try:
        yield
    except (ConcordError, DevnetError, EngineError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


def show_devnet(devnet: Devnet, *, as_json: bool) -> None:
    """Show where everything is."""
    if as_json:
        typer.echo(json.dumps(devnet.describe(), ensure_ascii=False, indent=2))
        return
    console = Console(highlight=False)
    table = Table(title="Devnet", title_justify="left")
    for column in ("institution", "role", "API", "log"):
        table.add_column(column, overflow="fold")
    for node, each in devnet.institutions.values():
        table.add_row(f"{each.name}  {each.label}", each.role, node.url, devnet.log_url(each.name))
    console.print(table)
    if devnet.chain is not None:
        console.print(f"chain       {devnet.chain.rpc_url} ({devnet.chain.name}, id {devnet.chain.chain_id})", markup=False)
    console.print(f"trust root  {devnet.trust_root}", markup=False)
    console.print(f"API keys    {devnet.directory / 'devnet.json'} (or --json)", markup=False)


def show_status(devnet: Devnet, *, as_json: bool) -> bool:
    """Show what runs; return whether everything does."""
    chain_up = devnet.chain is not None and devnet.chain.is_alive()
    nodes = [
        {
            "node": node.name,
            "url": node.url,
            "pid": node.pid if identity_of(node).is_alive() else None,
            "ready": _answers(node.url),
            "institutions": [each.name for each in node.institutions],
        }
        for node in devnet.state.nodes
    ]
    everything = chain_up and all(node["ready"] for node in nodes)
    chain = {"rpc_url": None if devnet.chain is None else devnet.chain.rpc_url, "up": chain_up}
    if as_json:
        typer.echo(json.dumps({"chain": chain, "nodes": nodes, "up": everything}, indent=2))
        return everything
    table = Table()
    for column in ("what", "where", "state"):
        table.add_column(column, overflow="fold")
    table.add_row("chain", str(chain["rpc_url"]), "up" if chain_up else "down")
    for node in nodes:
        table.add_row(f"node {node['node']}", str(node["url"]), "ready" if node["ready"] else "down")
    Console(highlight=False).print(table)
    return everything


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=2, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
