"""/view: one-time links to results, opened in a clinician's browser; HTML in Chinese and English, no script.

GET only asks: whatever looks at links beforehand, such as a scanner of mail, uses nothing up. POST, which the page's button
sends, uses the link up and shows what it stands for. There is no API key: who has the link has what one clinician may see
once, within minutes. Nothing of it is kept by browser or proxy, and no address of another page tells of it.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import Response

from node.api.openapi.document import documented
from node.api.pages import html_response
from node.api.requests import NodeOf
from node.api.routes.recognition import recognition_of
from node.errors import UnknownViewError, ViewGoneError
from node.services.surface.node import Node

router = APIRouter(tags=["recognition"])


@router.get("/view/{token}", **documented("ask_view"))
async def ask(node: NodeOf, token: str) -> Response:
    """A page with a button; the link stays as it is."""
    return await asyncio.to_thread(_ask, node, token)


@router.post("/view/{token}", **documented("open_view"))
async def show(node: NodeOf, token: str) -> Response:
    """Use the link up: retrieve and show the results, or say why not and what to do."""
    recognition = recognition_of(node)
    try:
        institution, view = await asyncio.wrap_future(recognition.clinic.viewing.press(token))
    except (UnknownViewError, ViewGoneError) as error:
        return _refuse(node, error)
    return html_response(recognition.clinic.pages.show(view, recognition.rules.names(institution)))


def _ask(node: Node, token: str) -> Response:
    recognition = recognition_of(node)
    try:
        recognition.clinic.viewing.look(token)
    except (UnknownViewError, ViewGoneError) as error:
        return _refuse(node, error)
    return html_response(recognition.clinic.pages.ask())


def _refuse(node: Node, error: UnknownViewError | ViewGoneError) -> Response:
    why, status = (error.why, HTTPStatus.GONE) if isinstance(error, ViewGoneError) else ("unknown", HTTPStatus.NOT_FOUND)
    return html_response(recognition_of(node).clinic.pages.refuse(why), status)
