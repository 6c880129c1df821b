"""`concord keys`: the key-encryption key of the record secrets, and exchange keys."""

from __future__ import annotations

from pathlib import Path

from node.bootstrap.maintenance import rotate_exchange_key, rotate_kek
from node.cli.output import show
from node.domain.entry import InstitutionId
from node.settings import load_settings


def rotate(directory: Path, *, as_json: bool) -> None:
    """Rotate the key-encryption key of a node that is not being served."""
    done = rotate_kek(load_settings(directory))
    show({"kek": done.kek_id, "secrets_rewrapped": done.rewrapped, "keys_destroyed": done.destroyed}, as_json=as_json)


def rotate_exchange(directory: Path, institution: str, *, as_json: bool) -> None:
    """Rotate an institution's exchange key, in a node that is not being served."""
    public_key = rotate_exchange_key(load_settings(directory), InstitutionId(institution))
    shown = {"institution": institution, "exchange_public_key": public_key.hex()}
    if as_json:
        show(shown, as_json=True)
        return
    register = f"concord consortium register-key --dir {directory} --institution {institution}"
    show({**shown, "next": f"{register}; then start the node"}, as_json=False)
