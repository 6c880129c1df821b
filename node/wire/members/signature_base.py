"""The text that a signature of a plain HTTP message is over (RFC 9421 section 2.5), and its parameters (section 2.3).

Plain: values that stand in one header line as they are signed, and texts without anything that would be escaped. Whatever is
not plain has no text here. Left out: every other kind of component, parsing, keys.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_PLAIN: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")
"""Values of components that are signed as they stand."""
_TEXT: Final = r'"[ !#-\[\]-~]*"'
_PARAMETERS: Final = re.compile(
    rf"\([^\n\\]*\);created=[0-9]{{1,15}};keyid={_TEXT};expires=[0-9]{{1,15}};nonce={_TEXT};tag={_TEXT}"
)


@dataclass
class MessageRequest:
    """A request as it is signed; the fields are named as libraries for RFC 9421 expect them."""

    method: str
    """Upper case."""
    url: str
    """The target URI."""
    headers: dict[str, str]
    """By lower-case name."""


@dataclass
class MessageResponse:
    """A response as it is signed."""

    status_code: int
    """HTTP status."""
    headers: dict[str, str]
    """By lower-case name."""
    request: MessageRequest
    """What it answers."""


def state_parameters(covered: Sequence[str], *, created_s: int, key_id: str, expires_s: int, nonce: str, tag: str) -> str:
    """Return the parameters of a signature as members state them, in this order.

    Args:
        covered: Components; a name in double quotes has parameters of its own behind it.
        created_s: When it was made, unix s.
        key_id: Names the key.
        expires_s: When it ends, unix s.
        nonce: Used once.
        tag: The protocol.
    """
    names = " ".join(map(_identifier, covered))
    return f'({names});created={created_s};keyid="{key_id}";expires={expires_s};nonce="{nonce}";tag="{tag}"'


def signature_base(message: MessageRequest | MessageResponse, covered: Sequence[str], parameters: str) -> bytes | None:
    """Return the text that is signed; None where something in it is missing, or not plain."""
    values = [_value(message, name) for name in covered]
    if not _PARAMETERS.fullmatch(parameters) or not all(value is not None and _PLAIN.fullmatch(value) for value in values):
        return None
    lines = [f"{_identifier(name)}: {value}" for name, value in zip(covered, values, strict=True)]
    return "\n".join((*lines, f'"@signature-params": {parameters}')).encode("ascii")


def _identifier(name: str) -> str:
    return name if name.startswith('"') else f'"{name}"'


def _value(message: MessageRequest | MessageResponse, name: str) -> str | None:
    """Return a component's value; None where the message has none."""
    if isinstance(message, MessageRequest):
        return {"@method": message.method, "@target-uri": message.url}.get(name) or message.headers.get(name)
    if name.endswith('";req'):
        return message.request.headers.get(name.removesuffix('";req').removeprefix('"'))
    return str(message.status_code) if name == "@status" else message.headers.get(name)
