"""`python -m node`: the command line where no console script is installed."""

from __future__ import annotations

from node.cli.main import app

app()
