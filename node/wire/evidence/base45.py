"""Base45 (RFC 9285): bytes in the alphanumeric set of QR codes. There is one spelling for each content."""

from __future__ import annotations

from typing import Final

from node.errors import MalformedEvidenceError

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

_BASE: Final = len(ALPHABET)
_VALUES: Final = {character: value for value, character in enumerate(ALPHABET)}
_GROUP: Final = 3
"""Characters that two bytes take; one byte alone takes two."""


def encode_base45(data: bytes) -> str:
    """Encode bytes."""
    characters: list[str] = []
    for at in range(0, len(data), 2):
        pair = data[at : at + 2]
        value = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            value, digit = divmod(value, _BASE)
            characters.append(ALPHABET[digit])
    return "".join(characters)


def decode_base45(text: str) -> bytes:
    """Decode a text.

    Raises:
        MalformedEvidenceError: Another character, a group that is cut, or one whose value no bytes have.
    """
    try:
        digits = [_VALUES[character] for character in text]
    except KeyError as error:
        raise MalformedEvidenceError("QR text: a character that base45 does not have; scan it again") from error
    data = bytearray()
    for at in range(0, len(digits), _GROUP):
        group = digits[at : at + _GROUP]
        value, length = sum(digit * _BASE**power for power, digit in enumerate(group)), len(group) - 1
        if not length or value >> (8 * length):
            raise MalformedEvidenceError(f"QR text: no base45 at character {at}; scan it again")
        data += value.to_bytes(length, "big")
    return bytes(data)
