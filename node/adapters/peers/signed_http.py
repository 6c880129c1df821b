"""Signed requests to members over HTTP (RFC 9421): `ports.members.requests.MemberClient`, and an `httpx.Auth` to read logs.

Addresses and keys come from the registry only; redirects are not followed, proxies of the environment not used. An answer
counts when the member that was asked signed it for this very request; a refusal that nobody signed changes nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import BinaryIO, Final

import httpx
import msgspec

from node.domain.entry import InstitutionId
from node.errors import MalformedSignatureError, MemberAnswerError, MemberAwayError, MemberRefusedError, ResponseSignatureError
from node.ports.clock import Clock
from node.ports.keys.identities import InstitutionIdentity
from node.ports.members.membership import KeyDirectory
from node.ports.members.requests import MemberAnswer
from node.services.members.signed_requests import make_terms, request_key
from node.wire.members.http_signature import (
    SignatureTag,
    SignatureWindow,
    SignedRequest,
    SignedResponse,
    institution_of,
    read_terms,
    sign_request,
    target_uri,
    verify_response,
)

MAX_ANSWER_BYTES: Final = 1 << 20
"""Of an answer that is held in memory."""
USER_AGENT: Final = "concord-node (member)"

_JSON: Final = "application/json"
_CHUNK_BYTES: Final = 1 << 16
_SLUG: Final = re.compile(r"urn:concord:problem:([a-z-]{1,64})")
_CODE: Final = re.compile(r"[a-z-]{1,64}")
_AWAY: Final = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)


class SignedRequestAuth(httpx.Auth):
    """Signs each request of an httpx client as one of an institution, for the protocol that a tag names."""

    requires_request_body = True

    def __init__(self, identity: InstitutionIdentity, clock: Clock, tag: SignatureTag, lifetime_s: int) -> None:
        self._identity = identity
        self._clock = clock
        self._tag = tag
        self._lifetime_s = lifetime_s

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the signature's headers."""
        terms = make_terms(self._identity, self._tag, self._clock.now(), self._lifetime_s)
        request.headers.update(sign_request(_signed(request), terms, self._identity.sign))
        yield request


@dataclass(frozen=True, slots=True)
class _Head:
    """An answer without its body."""

    status: int
    headers: dict[str, str]


class SignedHttpClient:
    """Asks other members on behalf of one institution; safe for threads."""

    def __init__(
        self,
        identity: InstitutionIdentity,
        directory: KeyDirectory,
        clock: Clock,
        window: SignatureWindow,
        *,
        timeout_s: float,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Nothing is asked yet.

        Args:
            identity: Whose requests.
            directory: Knows addresses and keys.
            clock: Tells the time.
            window: How long signatures last, and how far clocks may be off.
            timeout_s: How long to wait for a connection, or for the next bytes.
            transport: Carries requests; None for the network.
        """
        self._identity = identity
        self._directory = directory
        self._clock = clock
        self._window = window
        self._client = httpx.Client(
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            timeout=timeout_s,
            trust_env=False,
            transport=transport,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def post(self, to: InstitutionId, path: str, body: bytes, tag: SignatureTag) -> MemberAnswer:
        """Send a JSON body to a path of a member's node.

        Raises:
            MemberAwayError: No answer, none in time, or no address is registered.
            MemberRefusedError: It refuses, and signed that it does.
            MemberAnswerError: An answer that no node gives, or a refusal that nobody signed.
            ResponseSignatureError: The answer is not signed by that member, or is to another request.
        """
        sink = io.BytesIO()
        head = self.post_into(to, path, body, tag, sink, MAX_ANSWER_BYTES)
        return MemberAnswer(head.status, head.content_type, sink.getvalue())

    def post_into(
        self, to: InstitutionId, path: str, body: bytes, tag: SignatureTag, sink: BinaryIO, limit_bytes: int
    ) -> MemberAnswer:
        """Send a JSON body, and write the answer's content into a file as it comes; it is verified when this returns.

        Raises:
            MemberError: As `post`; what stands in the file then is not to be believed.
            ResponseSignatureError: As `post`.
        """
        request = self._request(to, path, body, tag)
        digest = hashlib.sha256()
        with self._answer(to, request) as response:
            head = _Head(response.status_code, _headers(response))
            for chunk in _bounded(response, to, limit_bytes):
                digest.update(chunk)
                sink.write(chunk)
        start = _start(sink) if head.status >= HTTPStatus.BAD_REQUEST else b""
        self._verify(to, request, head, digest.digest(), start)
        if head.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise MemberRefusedError(to, head.status, _problem(start), _reason(start))
        return MemberAnswer(head.status, head.headers["content-type"], b"")

    def _request(self, to: InstitutionId, path: str, body: bytes, tag: SignatureTag) -> httpx.Request:
        endpoint = self._directory.endpoint(to)
        if endpoint is None:
            raise MemberAwayError(to, "the registry names no address of it")
        request = self._client.build_request("POST", target_uri(endpoint, path), content=body, headers={"Content-Type": _JSON})
        auth = SignedRequestAuth(self._identity, self._clock, tag, self._window.max_lifetime_s)
        return next(auth.auth_flow(request))

    @contextlib.contextmanager
    def _answer(self, to: InstitutionId, request: httpx.Request) -> Iterator[httpx.Response]:
        try:
            response = self._client.send(request, stream=True)
            with contextlib.closing(response):
                yield response
        except httpx.TimeoutException as error:
            raise MemberAwayError(to, "it did not answer in time") from error
        except httpx.TransportError as error:
            raise MemberAwayError(to, "no connection, or it broke off") from error

    def _verify(self, to: InstitutionId, request: httpx.Request, head: _Head, body_sha256: bytes, start: bytes) -> None:
        """Believe an answer, or say what is wrong with it."""
        signed = SignedResponse(head.status, head.headers, body_sha256)
        tag = _tag(request)
        if "signature-input" not in head.headers:
            if head.status in _AWAY:
                raise MemberAwayError(to, f"HTTP status {head.status}")
            raise MemberAnswerError(to, f"HTTP status {head.status}, {_problem(start) or 'nothing that it signed'}")
        try:
            terms = read_terms(head.headers, tag)
        except MalformedSignatureError as error:
            raise ResponseSignatureError(str(error)) from error
        if institution_of(terms.key_id) != to:
            raise ResponseSignatureError(f"it is signed by {institution_of(terms.key_id)!r}")
        key = request_key(self._directory, terms.key_id, terms.created_s)
        verify_response(signed, _signed(request), key, self._clock.now(), self._window)


def _signed(request: httpx.Request) -> SignedRequest:
    url = request.url
    uri = target_uri(f"{url.scheme}://{url.netloc.decode('ascii')}", url.raw_path.decode("ascii"))
    headers = {name.lower(): value for name, value in request.headers.items()}
    return SignedRequest(request.method, uri, headers, request.read())


def _headers(response: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _tag(request: httpx.Request) -> SignatureTag:
    stated = request.headers["signature-input"]
    return next(tag for tag in SignatureTag if f'tag="{tag}"' in stated)


def _bounded(response: httpx.Response, to: InstitutionId, limit_bytes: int) -> Iterator[bytes]:
    size = 0
    for chunk in response.iter_raw(_CHUNK_BYTES):
        size += len(chunk)
        if size > limit_bytes:
            raise MemberAnswerError(to, f"more than {limit_bytes} bytes")
        yield chunk


def _start(sink: BinaryIO) -> bytes:
    sink.seek(0)
    return sink.read(_CHUNK_BYTES)


def _problem(body: bytes) -> str:
    """Return the slug of a problem document, or nothing; what else it says is not repeated."""
    found = _SLUG.fullmatch(_member(body, "type"))
    return found[1] if found else ""


def _reason(body: bytes) -> str:
    """Return the code of a denial, or nothing."""
    found = _CODE.fullmatch(_member(body, "reason"))
    return found[0] if found else ""


def _member(body: bytes, name: str) -> str:
    try:
        value = msgspec.json.decode(body, type=dict[str, object]).get(name)
    except msgspec.MsgspecError:
        return ""
    return value if isinstance(value, str) else ""
