"""`concord keys`: the key-encryption key of the record secrets."""

from __future__ import annotations

from pathlib import Path

from node.bootstrap.maintenance import rotate_kek
from node.cli.output import show
from node.settings import load_settings


def rotate(directory: Path, *, as_json: bool) -> None:
    """Rotate the key-encryption key of a node that is not being served."""
    done = rotate_kek(load_settings(directory))
    show({"kek": done.kek_id, "secrets_rewrapped": done.rewrapped, "keys_destroyed": done.destroyed}, as_json=as_json)
