"""`concord openapi`: the API's document, without a node."""

from __future__ import annotations

from node.api.app import create_app
from node.cli.output import show_json


def run() -> None:
    """Print it."""
    show_json(create_app(None).openapi())
