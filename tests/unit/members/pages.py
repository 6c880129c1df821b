"""Read a page as a browser does, and check what every page of a node has to be."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import httpx

_VOID = frozenset({"meta", "br", "hr", "input", "link", "img", "path", "rect"})
_FETCHING = frozenset({"script", "img", "iframe", "link", "object", "embed", "video", "audio", "source", "base"})


class PageReader(HTMLParser):
    """Collects texts by element, and refuses what is not well nested."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.texts: list[str] = []
        self.styles: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.open, f"</{tag}> closes nothing"
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        (self.styles if self.open and self.open[-1] == "style" else self.texts).append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def read_page(html: str) -> PageReader:
    reader = PageReader()
    reader.feed(html)
    reader.close()
    assert reader.open == [], "elements are left open"
    assert not [tag for tag, _ in reader.tags if tag in _FETCHING]
    for _, attributes in reader.tags:
        assert not [name for name in attributes if name.startswith("on") or name in {"style", "src", "action"}]
        assert not [value for name, value in attributes.items() if name == "href" and value and not value.startswith("#")]
    return reader


def read_response(response: httpx.Response, status: int = 200) -> PageReader:
    """Check what a browser is told about a page, and read it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["x-content-type-options"] == "nosniff"
    page = read_page(response.text)
    policy = dict(each.strip().partition(" ")[::2] for each in response.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert "script-src" not in policy
    (style,) = page.styles
    assert policy["style-src"] == f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'"
    assert not re.search(r"url\(|@import", style)
    return page
