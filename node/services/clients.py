"""API clients: a random key each, stored as a hash, with scopes, for one institution."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from node.domain.entry import InstitutionId
from node.errors import ForbiddenError, SettingsError, UnauthenticatedError
from node.ports.clock import Clock, unix_ms
from node.ports.records.transaction import ClientRow, RecordsReader, RecordsWriter

_KEY_BYTES = 32
_KEY_PREFIX = "concord_"
"""Lets secret scanners recognise a key that leaked into a file."""


class Scope(StrEnum):
    """What a client may do for its institution."""

    WRITE_RECORDS = "records:write"
    """Submit documents."""
    READ_RECORDS = "records:read"
    """See the receipts and levels of records."""
    ERASE_RECORDS = "records:erase"
    """Erase records."""
    DISCLOSE = "evidence:read"
    """Export evidence, which discloses parts."""
    WRITE_PATIENTS = "patients:write"
    """Register patients' keys."""
    WRITE_CONSENTS = "consents:write"
    """Hand in patients' consents and revocations, and assert them."""
    READ_CONSENTS = "consents:read"
    """See consents and what the chain says of them."""
    OPEN_EMERGENCIES = "emergencies:open"
    """Open emergencies: access without consent."""
    REVIEW_EMERGENCIES = "emergencies:review"
    """See and review emergencies."""
    WITHDRAW = "patients:withdraw"
    """Stop processing for a patient."""
    FIND = "patients:find"
    """Find what exists of a patient; every question is logged."""
    RETRIEVE = "records:retrieve"
    """Read records of other members, and what was retrieved."""
    READ_LOG = "log:read"
    """Read log and headers as a member does."""
    CHECK_ORDERS = "orders:check"
    """Ask at order time what results of others answer an order."""
    DECIDE = "orders:decide"
    """Recognise or order again, take decisions back, and see what others decided."""
    PUBLISH = "catalogue:publish"
    """Publish catalogue, prices, certificates or the institution's map in its log."""
    RECALL = "recalls:announce"
    """Recall results of a device, a lot or an item, and see who knows of it."""
    READ_FINDINGS = "findings:read"
    """See what supervision found; at a regulator's node."""
    READ_STATUS = "status:read"
    """See the node's status and metrics."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who calls."""

    client_id: str
    """Its id."""
    institution: InstitutionId
    """For which institution it acts."""
    name: str
    """For the operator."""
    scopes: frozenset[Scope]
    """What it may do."""

    def require(self, scope: Scope) -> None:
        """Check a scope.

        Raises:
            ForbiddenError: The client lacks it.
        """
        if scope not in self.scopes:
            raise ForbiddenError(scope)


@dataclass(frozen=True, slots=True)
class IssuedClient:
    """A new client with its key, which is shown once."""

    client: Client
    """The client."""
    api_key: str
    """Send as `Authorization: Bearer <key>`."""


class ClientService:
    """Issues, recognises and revokes API keys."""

    def __init__(self, writer: RecordsWriter, reader: RecordsReader, clock: Clock) -> None:
        self._writer = writer
        self._reader = reader
        self._clock = clock
        self._known: dict[bytes, Client] = {}

    def issue(self, institution: InstitutionId, name: str, scopes: Collection[str]) -> IssuedClient:
        """Issue a key.

        Raises:
            SettingsError: A scope is unknown.
        """
        known = {scope.value for scope in Scope}
        if unknown := sorted(set(scopes) - known):
            raise SettingsError(f"unknown scopes {unknown}; there are {sorted(known)}")
        # 256 random bits need no salt and no slow hash: nobody can guess them
        api_key = _KEY_PREFIX + secrets.token_hex(_KEY_BYTES)
        row = ClientRow(
            client_id=secrets.token_hex(8),
            institution=institution,
            name=name,
            key_digest=_digest(api_key),
            scopes=frozenset(scopes),
            created_at_ms=unix_ms(self._clock),
            revoked_at_ms=None,
        )
        self._writer.submit(lambda transaction: transaction.insert_client(row)).result()
        return IssuedClient(_client(row), api_key)

    def authenticate(self, api_key: str) -> Client:
        """Return the client with this key.

        Raises:
            UnauthenticatedError: There is none, or it was revoked.
        """
        digest = _digest(api_key)
        known = self._known.get(digest)
        if known is None:
            row = self._reader.client_by_digest(digest)
            if row is None or row.revoked_at_ms is not None:
                raise UnauthenticatedError
            # only keys that are valid are kept, so that nobody fills the memory by guessing
            known = self._known[digest] = _client(row)
        return known

    def revoke(self, client_id: str) -> bool:
        """Revoke a client's key, from this moment on; False when there is none that is valid."""
        now_ms = unix_ms(self._clock)
        revoked = self._writer.submit(lambda transaction: transaction.revoke_client(client_id, now_ms)).result()
        self._known = {digest: client for digest, client in self._known.items() if client.client_id != client_id}
        return revoked

    def list(self) -> list[ClientRow]:
        """Return all clients, revoked ones included."""
        return self._reader.clients()


def _digest(api_key: str) -> bytes:
    return hashlib.sha256(api_key.encode()).digest()


def _client(row: ClientRow) -> Client:
    return Client(row.client_id, row.institution, row.name, frozenset(Scope(scope) for scope in row.scopes))
