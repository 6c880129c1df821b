"""Routes for members: requests come signed (RFC 9421), and every answer to one that verified goes out signed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

import msgspec
from fastapi import Request
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from ledger.errors import LedgerError
from node.api.problems import problem_of, problem_response
from node.api.requests import node_of, read_body
from node.domain.entry import InstitutionId
from node.errors import ConcordError, MalformedParameterError, ReplayedRequestError, SettingsError
from node.services.members.signed_requests import Admission, ReceivedRequest, SignedRequests, Signer
from node.services.reading.disclosure_stream import IN_MEMORY_BYTES, SealedDisclosure
from node.services.surface.exchange import Exchange
from node.services.surface.node import Node
from node.wire.json_strict import check_document
from node.wire.members.disclosure import DISCLOSURE_MEDIA_TYPE
from node.wire.members.http_signature import SignatureTag

MAX_MESSAGE_BYTES = 256 * 1024
NOT_KEPT = {"Cache-Control": "no-store"}
_DEPTH = 16
_PIECE_BYTES = 1 << 16

Work = Callable[[Signer, InstitutionId], Response]
"""Answers a verified request to a hosted institution, in a thread that may wait."""

ActingWork = Callable[[Admission, InstitutionId], Response]
"""Answers one in whose transaction its nonce is used up."""


class _Addressed(msgspec.Struct):
    """What every signed body has."""

    audience: str


def exchange_of(node: Node) -> Exchange:
    """Return what a node shares with other members.

    Raises:
        SettingsError: It knows no registry, and with it no members.
    """
    if node.exchange is None:
        raise SettingsError("this node has no chain, and knows no other members; set chain.rpc_url")
    return node.exchange


def received(request: Request, body: bytes) -> ReceivedRequest:
    """Return a request as its signature sees it; the Host header has no part in it."""
    path: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    target = path.partition(b"?")[0] + (b"?" + query if query else b"")
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return ReceivedRequest(request.method, target.decode("ascii"), headers, body)


class SealedResponse(Response):
    """A sealed disclosure as a response: a short one in one piece, a long one from its file piece by piece, its digest known."""

    def __init__(self, sealed: SealedDisclosure) -> None:
        super().__init__(media_type=DISCLOSURE_MEDIA_TYPE, headers={"Content-Length": str(sealed.length_bytes), **NOT_KEPT})
        self.sha256 = sealed.sha256
        self._stream = sealed.stream
        self._is_short = sealed.length_bytes <= IN_MEMORY_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        del scope, receive
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if self._is_short:
                # in memory: nothing that would make the loop wait
                await send({"type": "http.response.body", "body": self._stream.read(), "more_body": False})
                return
            while piece := await asyncio.to_thread(self._stream.read, _PIECE_BYTES):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._stream.close()


async def answer_signed(request: Request, tag: SignatureTag, work: Work) -> Response:
    """Verify a request, use up its nonce, and sign what the work answers, refusals included.

    Raises:
        RequestSignatureError: No member signed it, or it came before; that refusal goes out unsigned.
    """

    def act(admission: Admission, audience: InstitutionId) -> Response:
        admission.use_up()
        return work(admission.signer, audience)

    return await answer_acting(request, tag, act)


async def answer_acting(request: Request, tag: SignatureTag, work: ActingWork) -> Response:
    """Verify a request and sign what the work answers, as `answer_signed`, whose nonce is used up by the work's own transaction.

    Raises:
        RequestSignatureError: As `answer_signed`.
    """
    signed = exchange_of(node_of(request)).signed
    body = await read_body(request, MAX_MESSAGE_BYTES)
    # one thread from beginning to end: each change of threads is a wait for the interpreter
    return await asyncio.to_thread(_answer, signed, received(request, body), tag, work)


def _answer(signed: SignedRequests, received: ReceivedRequest, tag: SignatureTag, work: ActingWork) -> Response:
    admission = signed.admit(received, tag)
    audience = signed.check_audience(_audience(received.body))
    try:
        response = work(admission, audience)
    except ReplayedRequestError:
        raise
    except (ConcordError, LedgerError) as error:
        response = problem_response(problem_of(error))
    # what was refused before anything was done, or undone with its transaction: no answer before the nonce is durable
    admission.use_up()
    content_type = response.headers["content-type"]
    digest = response.sha256 if isinstance(response, SealedResponse) else hashlib.sha256(response.body).digest()
    response.headers.update(signed.sign_answer(response.status_code, content_type, digest, admission.signer, audience))
    return response


def _audience(body: bytes) -> str:
    check_document(body, _DEPTH)
    try:
        return msgspec.json.decode(body, type=_Addressed).audience
    except msgspec.MsgspecError as error:
        raise MalformedParameterError("audience", "the signed body has to name it") from error
