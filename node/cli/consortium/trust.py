"""`concord trust`: export, show and update the consortium's trust root, one file that every verifier pins."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import typer

from ledger.notes import encode_verifier_key
from node.cli.failures import REFUSED
from node.cli.files import write_file
from node.cli.output import show
from node.domain.trust import TrustRoot
from node.wire.trust_root import parse_trust_root, update_trust_root


def export(directory: Path, output: Path, *, as_json: bool) -> None:
    """Write a node's trust root to a file.

    Raises:
        SettingsError: The directory holds no node.
        MalformedTrustRootError: Its trust root is damaged.
    """
    # imported here: `show` and `update` are a verifier's commands, and need no node
    from node.settings import load_settings

    content = load_settings(directory).trust_root_file.read_bytes()
    root = parse_trust_root(content)
    write_file(output, content)
    show({"written": str(output), "serial": root.serial, "expires_at": root.expires_at.isoformat()}, as_json=as_json)


def show_root(file: Path, *, as_json: bool) -> None:
    """Show a trust root; exit with 1 where it is expired."""
    root = parse_trust_root(file.read_bytes())
    expired = root.expires_at <= datetime.now(UTC)
    show(document_of(root) | {"expired": expired}, as_json=as_json)
    if expired:
        raise typer.Exit(REFUSED)


def update(old: Path, new: Path, *, check: bool, as_json: bool) -> None:
    """Replace a trust root.

    Raises:
        TrustRootSerialError: The new one is not newer.
        TrustRootSignatureError: Too few of the old one's signers signed the new one.
    """
    before = parse_trust_root(old.read_bytes())
    content = new.read_bytes()
    after = update_trust_root(before, content)
    if not check:
        write_file(old, content)
    show(
        {
            "verdict": "valid successor",
            "old_serial": before.serial,
            "new_serial": after.serial,
            "expires_at": after.expires_at.isoformat(),
            "replaced": None if check else str(old),
        },
        as_json=as_json,
    )


def document_of(root: TrustRoot) -> dict[str, object]:
    """Show what a trust root pins."""
    chain = root.chain
    return {
        "serial": root.serial,
        "expires_at": root.expires_at.isoformat(),
        "threshold": root.threshold,
        "signers": [encode_verifier_key(key) for key in root.signers],
        "chain_id": chain.chain_id,
        "genesis_hash": f"0x{chain.genesis_hash.hex()}",
        "finality": chain.finality.rule,
        "contracts": [
            {"contract": pin.name, "address": f"0x{pin.address.hex()}", "code_hash": f"0x{pin.code_hash.hex()}"}
            for pin in chain.contracts.values()
        ],
        "institutions": [
            {"institution": each.institution, "name": each.name, "roles": list(each.roles)} for each in root.institutions.values()
        ],
        "logs": [
            {
                "origin": log.origin,
                "institution": log.institution,
                "endpoint": log.endpoint,
                "vkey": encode_verifier_key(key.key),
                "from_size": key.from_size,
                "to_size": key.to_size,
                "closed_at": None if log.closed is None else log.closed.final_size,
                "successor": None if log.closed is None else log.closed.successor,
            }
            for log in root.logs.values()
            for key in log.keys
        ],
        "witness_quorum": root.witness_quorum,
        "witnesses": [{"institution": each.institution, "vkey": encode_verifier_key(each.key)} for each in root.witnesses],
        "audit_keys": [{"institution": each.institution, "public_key": each.public_key.hex()} for each in root.audit_keys],
        "kinds": list(root.kinds),
    }
