"""Signed HTTP messages between members: RFC 9421 signatures with Ed25519, RFC 9530 digests (docs/spec/retrieval.md "Signed").

A request is signed over @method, @target-uri and, where it has a body, content-type and content-digest; a response over
@status, content-type, content-digest and its request's digest and signature. Every signature has created, expires, nonce,
keyid and tag, exactly one label, and no algorithm but Ed25519. The target is what the registry says of the receiver, never
the Host header. Left out: which keys count and whether a nonce was seen (`services.signed_requests`), and I/O.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

import http_sf
from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureAlgorithm,
    HTTPSignatureKeyResolver,
)
from nacl.bindings import crypto_sign_BYTES, crypto_sign_open, crypto_sign_PUBLICKEYBYTES
from nacl.exceptions import CryptoError

from node.domain.entry import InstitutionId
from node.errors import AlteredRequestError, MalformedSignatureError, RequestTimeError, ResponseSignatureError

LABEL: Final = "concord"
"""Of the one signature in a message; not covered by it, and so never relied on."""

_MAX_TEXT: Final = 128
"""Characters of a nonce or key id: both become keys of a database."""
_MAX_HEADER: Final = 2_048
"""Characters of a signature header."""
_FINGERPRINT_DIGITS: Final = 16
_KEY_ID_MARK: Final = "#"
_PATIENT: Final = "patient"
_REQUEST: Final = ("@method", "@target-uri")
_BODY: Final = ("content-type", "content-digest")
_RESPONSE: Final = ("@status", *_BODY, '"content-digest";req', '"signature";req')
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

Sign = Callable[[bytes], bytes]
"""Signs with a request key, Ed25519."""


class SignatureTag(StrEnum):
    """What a signature is for: one made for one protocol counts in no other."""

    RETRIEVE = "concord-retrieve/v1"
    """Disclosures between a requester and a holder."""
    INBOX = "concord-inbox/v1"
    """Messages of the outbox."""
    CODES = "concord-codes/v1"
    """Institutions, the code service and its custodians."""
    PATIENT = "concord-patient/v1"
    """A patient reads what is theirs."""
    LOG = "concord-log/v1"
    """Members read log and headers."""


@dataclass(frozen=True, slots=True)
class SignatureTerms:
    """The parameters of a signature."""

    tag: SignatureTag
    """What it is for."""
    key_id: str
    """Names institution and key."""
    created_s: int
    """When it was made, unix s."""
    expires_s: int
    """When it ends, unix s."""
    nonce: str
    """Random; used once."""


@dataclass(frozen=True, slots=True)
class SignatureWindow:
    """Which times of a signature are accepted."""

    max_skew_s: int
    """How far another member's clock may be off."""
    max_lifetime_s: int
    """How long a signature may last: nonces are kept no longer."""


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as its signature sees it."""

    method: str
    """Upper case."""
    target_uri: str
    """As `target_uri` makes it."""
    headers: Mapping[str, str]
    """By lower-case name; lines of one name joined by a comma."""
    body: bytes
    """As it was sent, before any decoding."""


@dataclass(frozen=True, slots=True)
class SignedResponse:
    """A response as its signature sees it; of its body only the digest, so that a long one need not be held."""

    status: int
    """HTTP status."""
    headers: Mapping[str, str]
    """By lower-case name."""
    body_sha256: bytes
    """32 bytes, recomputed by whoever received it."""


@dataclass
class _Request:
    method: str
    url: str
    headers: dict[str, str]


@dataclass
class _Response:
    status_code: int
    headers: dict[str, str]
    request: _Request


class _Ed25519(HTTPSignatureAlgorithm):
    """By libsodium, which refuses keys of small order (docs/adr/0009); the library's own would accept them."""

    algorithm_id = "ed25519"

    def __init__(self, public_key: bytes) -> None:
        self._public_key = public_key

    def verify(self, signature: bytes, message: bytes) -> None:
        """Verify a signature.

        Raises:
            CryptoError: It fails.
        """
        # libsodium takes both in one piece: other lengths would move the border between them
        if len(signature) != crypto_sign_BYTES or len(self._public_key) != crypto_sign_PUBLICKEYBYTES:
            raise CryptoError("a signature has 64 bytes, a public key 32")
        crypto_sign_open(signature + message, self._public_key)


class _OneKey(HTTPSignatureKeyResolver):
    """Knows the key that the registry names, whatever the signature calls it: the caller has compared that."""

    def __init__(self, public_key: bytes) -> None:
        self._public_key = public_key

    def resolve_public_key(self, key_id: str) -> bytes:
        """Return the key."""
        del key_id
        return self._public_key


class _Verifier(HTTPMessageVerifier):
    """Leaves times to `_check_times`, which knows the node's clock."""

    def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:  # noqa: ANN401 - the library's
        """Accept; they were checked before."""
        del sig_input, max_age


def key_id_of(institution: InstitutionId, public_key: bytes) -> str:
    """Return the key id of an institution's Ed25519 request key."""
    return f"{institution}{_KEY_ID_MARK}{hashlib.sha256(public_key).hexdigest()[:_FINGERPRINT_DIGITS]}"


def patient_key_id(public_key: bytes) -> str:
    """Return the key id of a patient's Ed25519 key; names nobody."""
    return key_id_of(InstitutionId(_PATIENT), public_key)


def institution_of(key_id: str) -> InstitutionId:
    """Return whose key an id claims to name."""
    return InstitutionId(key_id.partition(_KEY_ID_MARK)[0])


def target_uri(endpoint: str, path_and_query: str) -> str:
    """Return @target-uri of a request to a member's node.

    Args:
        endpoint: The node's base URL, as registered; a default port is dropped and the host is in lower case.
        path_and_query: Percent-encoded, from the first slash on.
    """
    parts = urlsplit(endpoint)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}{path_and_query}"


def content_digest(sha256: bytes) -> str:
    """Return the content-digest header of a body with this SHA-256; members use no other algorithm."""
    return f"sha-256=:{b64encode(sha256).decode()}:"


def sign_request(request: SignedRequest, terms: SignatureTerms, sign: Sign) -> dict[str, str]:
    """Sign a request.

    Returns:
        The headers to add: content-digest where there is a body, signature-input, signature.
    """
    headers = {name: value for name, value in request.headers.items() if name == "content-type"}
    if request.body:
        headers["content-digest"] = content_digest(hashlib.sha256(request.body).digest())
    _sign(_Request(request.method, request.target_uri, headers), _covered(request), terms, sign)
    return _added(headers)


def read_terms(headers: Mapping[str, str], tag: SignatureTag) -> SignatureTerms:
    """Read what a signature states; nothing of it is verified yet.

    Raises:
        MalformedSignatureError: There is none for this protocol, more than one, or one that lacks a parameter.
    """
    stated = headers.get("signature-input")
    if stated is None or "signature" not in headers:
        raise MalformedSignatureError("signature-input and signature are missing")
    if len(stated) > _MAX_HEADER or len(headers["signature"]) > _MAX_HEADER:
        raise MalformedSignatureError("its headers are too long")
    try:
        members: Any = http_sf.parse(stated.encode("ascii"), tltype="dictionary", on_duplicate_key=_refuse_duplicate)
    except ValueError as error:
        raise MalformedSignatureError("signature-input is no dictionary of RFC 8941") from error
    if len(members) != 1:
        raise MalformedSignatureError("give exactly one signature")
    ((_, parameters),) = members.values()
    return _terms(parameters, tag)


def verify_request(
    request: SignedRequest, tag: SignatureTag, public_key: bytes, now: datetime, window: SignatureWindow
) -> SignatureTerms:
    """Verify a request's signature, its times and its digest.

    Args:
        request: As it came, with the target that the registry names.
        tag: The protocol.
        public_key: Ed25519, from the registry.
        now: The receiver's time.
        window: Which times are accepted.

    Raises:
        MalformedSignatureError: As `read_terms`.
        RequestTimeError: It has expired, lasts too long, or was made in the future.
        AlteredRequestError: It does not verify, covers too little, or the body has another digest.
    """
    terms = read_terms(request.headers, tag)
    _check_times(terms, now, window)
    try:
        _verify(_Request(request.method, request.target_uri, dict(request.headers)), _covered(request), terms, public_key)
    except (HTTPMessageSignaturesException, ValueError) as error:
        raise AlteredRequestError(terms.key_id) from error
    digest = content_digest(hashlib.sha256(request.body).digest())
    if request.body and request.headers.get("content-digest") != digest:
        raise AlteredRequestError(terms.key_id)
    return terms


def sign_response(response: SignedResponse, request: SignedRequest, terms: SignatureTerms, sign: Sign) -> dict[str, str]:
    """Sign the response to a signed request that had a body.

    Returns:
        The headers to add: content-digest, signature-input, signature.
    """
    headers = {"content-type": response.headers["content-type"], "content-digest": content_digest(response.body_sha256)}
    asked = _Request(request.method, request.target_uri, dict(request.headers))
    _sign(_Response(response.status, headers, asked), _RESPONSE, terms, sign)
    return _added(headers)


def verify_response(
    response: SignedResponse, request: SignedRequest, public_key: bytes, now: datetime, window: SignatureWindow
) -> None:
    """Verify that a response answers this very request, and was not altered.

    Args:
        response: As it came.
        request: As it was sent, signature headers included.
        public_key: Ed25519, of the institution that was asked, from the registry.
        now: The requester's time.
        window: Which times are accepted.

    Raises:
        ResponseSignatureError: It does not; nothing of it is to be believed.
    """
    asked = _Request(request.method, request.target_uri, dict(request.headers))
    try:
        terms = read_terms(response.headers, SignatureTag(_tag_of(request.headers)))
        _check_times(terms, now, window)
        _verify(_Response(response.status, dict(response.headers), asked), _RESPONSE, terms, public_key)
    except (MalformedSignatureError, RequestTimeError) as error:
        raise ResponseSignatureError(str(error)) from error
    except (HTTPMessageSignaturesException, ValueError) as error:
        raise ResponseSignatureError("the signature fails, or is another message's") from error
    if response.headers.get("content-digest") != content_digest(response.body_sha256):
        raise ResponseSignatureError("the body has another digest than the one that was signed")


def _covered(request: SignedRequest) -> tuple[str, ...]:
    return _REQUEST + _BODY if request.body else _REQUEST


def _sign(message: _Request | _Response, covered: tuple[str, ...], terms: SignatureTerms, sign: Sign) -> None:
    signer = HTTPMessageSigner(signature_algorithm=_Ed25519)
    prepared = signer.prepare(
        message,
        key_id=terms.key_id,
        created=datetime.fromtimestamp(terms.created_s, UTC),
        expires=datetime.fromtimestamp(terms.expires_s, UTC),
        nonce=terms.nonce,
        label=LABEL,
        tag=terms.tag,
        include_alg=False,
        covered_component_ids=covered,
        use_existing_digest="content-digest" in message.headers,
    )
    signer.apply(message, prepared, sign(prepared.signature_base))


def _verify(message: _Request | _Response, covered: tuple[str, ...], terms: SignatureTerms, public_key: bytes) -> None:
    verifier = _Verifier(signature_algorithm=_Ed25519, key_resolver=_OneKey(public_key))
    verifier.verify(message, expect_tag=terms.tag, max_age=None, require_components=covered)


def _added(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items() if name != "content-type"}


def _tag_of(headers: Mapping[str, str]) -> str:
    """Return the tag of a request that this node signed itself."""
    return next(tag for tag in SignatureTag if f'tag="{tag}"' in headers["signature-input"])


def _terms(parameters: Mapping[str, Any], tag: SignatureTag) -> SignatureTerms:
    created, expires = parameters.get("created"), parameters.get("expires")
    nonce, key_id = parameters.get("nonce"), parameters.get("keyid")
    if parameters.get("tag") != tag:
        raise MalformedSignatureError(f"its tag is not {tag}")
    if type(created) is not int or type(expires) is not int:
        raise MalformedSignatureError("created and expires have to be whole numbers")
    for name, value in (("nonce", nonce), ("keyid", key_id)):
        if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT:
            raise MalformedSignatureError(f"{name} has to be a text of 1 to {_MAX_TEXT} characters")
    return SignatureTerms(tag, str(key_id), created, expires, str(nonce))


def _check_times(terms: SignatureTerms, now: datetime, window: SignatureWindow) -> None:
    now_s = now.timestamp()
    if terms.created_s > now_s + window.max_skew_s:
        raise RequestTimeError("it was made in the future: one of the two clocks is wrong")
    if terms.expires_s < now_s - window.max_skew_s:
        raise RequestTimeError("it has expired: it took too long, or one of the two clocks is wrong")
    if not terms.created_s <= terms.expires_s <= terms.created_s + window.max_lifetime_s:
        raise RequestTimeError(f"it has to last at most {window.max_lifetime_s} s")


def _refuse_duplicate(key: str, context: str) -> None:
    raise ValueError(f"{context} names {key} twice")
