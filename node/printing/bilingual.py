"""Pages in Chinese and English side by side: one document, its style in it, no script, nothing fetched, all text escaped."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Final

from node.ports.recognition.pages import Page

LANGUAGES: Final = ("zh", "en")

STYLE: Final = (
    "body{font-family:sans-serif;max-width:60rem;margin:1.5rem auto;padding:0 1rem;color:#1c2733;line-height:1.45}"
    "h1{font-size:1.3rem}h2{font-size:1.05rem;margin-top:1.6rem}"
    "table{border-collapse:collapse;width:100%;margin:.6rem 0;font-size:.9rem}"
    "th,td{border:1px solid #c6d0da;padding:.25rem .5rem;text-align:left;vertical-align:top}"
    "th{background:#eef2f6;font-weight:600}.en{color:#4a5a6a;font-size:.9em}.zh+.en::before{content:' / '}"
    ".good{border-left:4px solid #2e7d4f;padding-left:.8rem}.bad{border-left:4px solid #b3261e;padding-left:.8rem}"
    ".critical{color:#b3261e;font-weight:700}"
    ".note{font-size:.85rem;color:#4a5a6a}button{font-size:1.1rem;padding:.6rem 1.4rem}"
    ".slip{max-width:none}.qr svg{width:70mm;height:70mm}.slip table{font-size:.85rem}"
    # a certificate has a number of its own for each item: they take the most room
    ".results td:nth-child(4){width:30%}.results td:nth-child(3){width:34%}"
    "@media print{body{margin:0;padding:0;max-width:none;font-size:9pt}.note{font-size:8pt}h1{font-size:12pt}h2{font-size:10pt}}"
    "@page{size:A5 portrait;margin:10mm}"
)
"""The one style of all pages; a slip is meant for A5, and fits A4."""

_STYLE_HASH: Final = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        f"style-src 'sha256-{_STYLE_HASH}'",
    )
)

Tables = Mapping[str, Mapping[str, str]]
"""The texts of one language: table, key, words."""


class Words:
    """One table of the texts, in both languages."""

    def __init__(self, texts: Mapping[str, Tables], table: str) -> None:
        """Take the texts by language, and the table that is spoken from."""
        self._texts = {language: texts[language][table] for language in LANGUAGES}

    def both(self, key: str, say: Callable[[str], Mapping[str, object]] = lambda _language: {}) -> str:
        """Return a text in both languages, escaped; `say` gives the values of its placeholders for a language."""
        return pair(*(self._texts[language][key].format_map(say(language)) for language in LANGUAGES))

    def find(self, key: str) -> str | None:
        """Return a text without placeholders in both languages, escaped; None where there is none."""
        found = [self._texts[language].get(key) for language in LANGUAGES]
        return None if found[0] is None or found[1] is None else pair(found[0], found[1])

    def title(self, key: str) -> str:
        """Return a text in both languages, for a title: not marked up."""
        return " / ".join(self._texts[language][key] for language in LANGUAGES)


def pair(zh: str, en: str) -> str:
    """Return a Chinese and an English text, escaped and marked; once where they are the same."""
    if zh == en:
        return escape(zh)
    return f'<span class="zh" lang="zh">{escape(zh)}</span><span class="en" lang="en">{escape(en)}</span>'


def rows(facts: Sequence[tuple[str, str]]) -> str:
    """Return a table of facts: heading and cell, both marked up already; empty cells are left out."""
    lines = "".join(f"<tr><th>{heading}</th><td>{cell}</td></tr>" for heading, cell in facts if cell)
    return f"<table><tbody>{lines}</tbody></table>"


def make_page(title: str, body: str, name: str = "") -> Page:
    """Return a page.

    Args:
        title: Its title, as plain text.
        body: Its body, marked up.
        name: Class of the body, for the style.
    """
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta name="referrer" content="no-referrer"><title>{escape(title)}</title><style>{STYLE}</style>'
    )
    return Page(f'<!doctype html><html lang="zh"><head>{head}</head><body class="{name}">{body}</body></html>\n', _POLICY)
