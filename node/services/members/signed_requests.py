"""Recognise members by the signatures of their requests, and sign what is answered (docs/spec/retrieval.md "Signed").

Keys come from the registry only, by the key id that a signature names and for the time at which it was made. A nonce is
used up before a request is acted upon, or in the very transaction that acts: in either case it is durable before anything is
answered, and neither a restart nor another worker lets it count twice. Requests that only read the log are recognised without
keeping their nonce: repeating one gives nothing that it did not give before.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from node.domain.entry import InstitutionId
from node.errors import AlteredRequestError, ReplayedRequestError, RequestTimeError, UnknownRequestKeyError, WrongAudienceError
from node.ports.clock import Clock
from node.ports.keys.identities import InstitutionIdentity
from node.ports.members.membership import KeyDirectory
from node.ports.members.nonces import NonceStore, UsedNonce
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.wire.members.http_signature import (
    SignatureTag,
    SignatureTerms,
    SignatureWindow,
    SignedRequest,
    SignedResponse,
    institution_of,
    key_id_of,
    read_terms,
    sign_response,
    target_uri,
    verify_request,
)

ResultT = TypeVar("ResultT")

_REQUEST_KEY = "request"
_NONCE_BYTES = 16
_LAST_SECOND = 253_402_300_799
"""The last second of the year 9999: beyond it there are no dates to look keys up for."""


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request as it came."""

    method: str
    """Upper case."""
    path_and_query: str
    """Percent-encoded, below the node's base URL."""
    headers: Mapping[str, str]
    """By lower-case name; lines of one name joined by a comma."""
    body: bytes
    """As it came."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Who sent a verified request."""

    institution: InstitutionId
    """The member."""
    terms: SignatureTerms
    """What its signature stated."""
    request: SignedRequest
    """What was signed: answers are signed for it."""


def request_key(directory: KeyDirectory, key_id: str, created_s: int) -> bytes:
    """Return the public key that an id names, Ed25519, from the registry.

    Raises:
        UnknownRequestKeyError: There is none that was valid at that time.
        RequestTimeError: There is no such time.
    """
    if not 0 <= created_s <= _LAST_SECOND:
        raise RequestTimeError("created is no time")
    institution, at = institution_of(key_id), datetime.fromtimestamp(created_s, UTC)
    for key in directory.keys(institution, _REQUEST_KEY, at):
        if key_id_of(institution, key.value) == key_id:
            return key.value
    raise UnknownRequestKeyError(key_id)


def make_terms(identity: InstitutionIdentity, tag: SignatureTag, now: datetime, lifetime_s: int) -> SignatureTerms:
    """Return the terms of a new signature of an institution, with a nonce of its own."""
    created_s = int(now.timestamp())
    key_id = key_id_of(identity.institution, identity.request_public_key)
    return SignatureTerms(tag, key_id, created_s, created_s + lifetime_s, secrets.token_hex(_NONCE_BYTES))


class Admission:
    """A verified request that may be acted upon once."""

    def __init__(self, signer: Signer, nonce: UsedNonce, claims: _Claims, writer: RecordsWriter) -> None:
        self._signer = signer
        self._nonce = nonce
        self._claims = claims
        self._writer = writer
        self._is_used = False

    @property
    def signer(self) -> Signer:
        """Return who sent it."""
        return self._signer

    def act(self, work: Callable[[RecordsTransaction], ResultT]) -> ResultT:
        """Run work in the transaction that uses the nonce up; both are durable when this returns, and neither if it fails.

        Raises:
            ReplayedRequestError: The nonce came before; the work was not run.
        """

        def both(transaction: RecordsTransaction) -> tuple[ResultT] | None:
            # before the work: what a replay asks for is not even looked at, and its neighbours are not undone for it
            is_new = self._claims.run(transaction, [self._nonce]) == [True]
            return (work(transaction),) if is_new else None

        done = self._writer.submit_together(both).result()
        if done is None:
            raise ReplayedRequestError(self._nonce.key_id)
        self._is_used = True
        return done[0]

    def use_up(self) -> None:
        """Use the nonce up, unless an act has; durable when this returns.

        Raises:
            ReplayedRequestError: It came before.
        """
        if self._is_used:
            return
        if not self._writer.submit_item(self._claims, self._nonce).result():
            raise ReplayedRequestError(self._nonce.key_id)
        self._is_used = True


class SignedRequests:
    """Verifies requests of members, and signs answers to them."""

    def __init__(
        self,
        *,
        directory: KeyDirectory,
        identities: Mapping[InstitutionId, InstitutionIdentity],
        nonces: NonceStore,
        writer: RecordsWriter,
        clock: Clock,
        window: SignatureWindow,
    ) -> None:
        self._directory = directory
        self._identities = identities
        self._claims = _Claims(nonces, clock)
        self._writer = writer
        self._clock = clock
        self._window = window

    def recognise(self, received: ReceivedRequest, tag: SignatureTag) -> Signer:
        """Verify a request that changes and discloses nothing but what any member may read; its nonce is not kept.

        Raises:
            RequestSignatureError: It is not signed by a member.
        """
        terms = read_terms(received.headers, tag)
        key = request_key(self._directory, terms.key_id, terms.created_s)
        for endpoint in self._endpoints():
            uri = target_uri(endpoint, received.path_and_query)
            request = SignedRequest(received.method, uri, received.headers, received.body)
            # another of the node's addresses may be the one that was signed; all else is the same for each
            with contextlib.suppress(AlteredRequestError):
                verify_request(request, tag, key, self._clock.now(), self._window)
                return Signer(institution_of(terms.key_id), terms, request)
        raise AlteredRequestError(terms.key_id)

    def admit(self, received: ReceivedRequest, tag: SignatureTag) -> Admission:
        """Verify a request that is to be acted upon once; its nonce is not used up yet.

        Raises:
            RequestSignatureError: It is not signed by a member.
        """
        signer = self.recognise(received, tag)
        forget_at_s = signer.terms.expires_s + self._window.max_skew_s + 1
        nonce = UsedNonce(signer.terms.key_id, signer.terms.nonce, forget_at_s)
        return Admission(signer, nonce, self._claims, self._writer)

    def check_audience(self, audience: str) -> InstitutionId:
        """Return the hosted institution that a signed body names.

        Raises:
            WrongAudienceError: This node does not host it.
        """
        if audience not in self._identities:
            raise WrongAudienceError(audience)
        return InstitutionId(audience)

    def sign_answer(
        self, status: int, content_type: str, body_sha256: bytes, signer: Signer, institution: InstitutionId
    ) -> dict[str, str]:
        """Return the headers that sign an answer by a hosted institution to a verified request."""
        identity = self._identities[institution]
        terms = make_terms(identity, signer.terms.tag, self._clock.now(), self._window.max_lifetime_s)
        response = SignedResponse(status, {"content-type": content_type}, body_sha256)
        return sign_response(response, signer.request, terms, identity.sign)

    def _endpoints(self) -> list[str]:
        """Return the addresses under which members know this node; one, unless its institutions registered different ones."""
        found = (self._directory.endpoint(institution) for institution in self._identities)
        return list(dict.fromkeys(endpoint for endpoint in found if endpoint is not None))


class _Claims:
    """Nonces of requests that come together share a transaction."""

    def __init__(self, nonces: NonceStore, clock: Clock) -> None:
        self._nonces = nonces
        self._clock = clock

    def run(self, transaction: RecordsTransaction, items: Sequence[UsedNonce]) -> Sequence[bool]:
        """Claim the nonces."""
        return self._nonces.claim(transaction, items, int(self._clock.now().timestamp()))
