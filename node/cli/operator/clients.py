"""`concord clients`: API keys, kept as hashes in the node's directory."""

from __future__ import annotations

from pathlib import Path

from node.bootstrap.commands import edit_clients, read_clients
from node.bootstrap.hosting import hosted_institutions
from node.cli.failures import RefusedError, UsageError
from node.cli.output import show, show_ms
from node.domain.entry import InstitutionId
from node.errors import UnknownOriginError
from node.services.clients import Scope
from node.settings import load_settings


def list_clients(directory: Path, *, as_json: bool) -> None:
    """List all clients; a running node does not mind."""
    with read_clients(load_settings(directory)) as reader:
        rows = reader.clients()
    shown = [
        {
            "client_id": row.client_id,
            "institution": row.institution,
            "name": row.name,
            "scopes": sorted(row.scopes),
            "created_at": show_ms(row.created_at_ms),
            "revoked_at": None if row.revoked_at_ms is None else show_ms(row.revoked_at_ms),
        }
        for row in rows
    ]
    show({"clients": shown}, as_json=as_json)


def issue(directory: Path, institution: str, name: str, scopes: list[str] | None, *, as_json: bool) -> None:
    """Issue a key.

    Raises:
        UnknownOriginError: The node does not host the institution.
        UsageError: A scope is unknown.
        DirectoryInUseError: The node is running.
    """
    settings = load_settings(directory)
    if InstitutionId(institution) not in hosted_institutions(settings):
        raise UnknownOriginError(institution)
    known = [scope.value for scope in Scope]
    unknown = sorted(set(scopes or ()) - set(known))
    if unknown:
        raise UsageError(f"--scope {', '.join(unknown)}: there are {', '.join(known)}")
    with edit_clients(settings) as service:
        issued = service.issue(InstitutionId(institution), name, scopes or known)
    show(
        {
            "client_id": issued.client.client_id,
            "institution": institution,
            "name": name,
            "scopes": sorted(issued.client.scopes),
            "api_key": issued.api_key,
        },
        as_json=as_json,
    )


def revoke(directory: Path, client_id: str, *, as_json: bool) -> None:
    """Revoke a key.

    Raises:
        RefusedError: There is no such client, or its key was revoked before.
        DirectoryInUseError: The node is running.
    """
    with edit_clients(load_settings(directory)) as service:
        if not service.revoke(client_id):
            raise RefusedError(f"there is no client {client_id} whose key is valid; see `concord clients list`")
    show({"client_id": client_id, "revoked": True}, as_json=as_json)
