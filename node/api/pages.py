"""Send pages to browsers: kept by nobody, framed by nobody, telling no other page where they came from."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from fastapi.responses import Response

from node.ports.recognition.pages import Page

_HEADERS: Final = {
    "Cache-Control": "no-store",
    # an address may hold a token
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def html_response(page: Page, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Answer with a page that nobody keeps."""
    headers = {**_HEADERS, "Content-Security-Policy": page.policy}
    return Response(page.html, status_code=status, media_type="text/html", headers=headers)
