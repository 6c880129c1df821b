"""The text of a patient's QR code: code, two public keys, checksum; never the seed (docs/spec/patient-code.md).

`CONCORD1:` and 160 characters of base32 (RFC 4648, upper case), all of them in QR's alphanumeric set. Who sees it can
look the patient up where the law lets them, and cannot act for the patient. Left out: drawing the symbol.
"""

from __future__ import annotations

import re
from base64 import b32decode, b32encode
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from node.domain.patient import PatientCode, PatientPublicKeys
from node.errors import MalformedPatientCodeError, UnknownFormatError

_SCHEME: Final = re.compile(r"CONCORD([0-9]{1,4}):(.*)", re.DOTALL)
_VERSION: Final = "1"
_BODY: Final = re.compile(r"[A-Z2-7]{160}")
_CHECKSUM_LABEL: Final = b"concord/patient-code/v1"
_KEY_BYTES: Final = 32
_CHECKSUM_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class PatientCard:
    """What a patient shows."""

    code: PatientCode
    """Finds the patient."""
    public_keys: PatientPublicKeys
    """What the patient's signatures are checked with, and what is sealed to the patient."""


def encode_card(card: PatientCard) -> str:
    """Encode the text of a QR code."""
    keys = card.code + card.public_keys.exchange + card.public_keys.signing
    return f"CONCORD{_VERSION}:{b32encode(keys + _checksum(keys)).decode()}"


def parse_card(text: str) -> PatientCard:
    """Parse the text of a QR code.

    Raises:
        MalformedPatientCodeError: It is none, or was misread; the message does not repeat it.
        UnknownFormatError: A version that this release does not know.
    """
    scheme = _SCHEME.fullmatch(text)
    if scheme is None:
        raise MalformedPatientCodeError("patient code: it does not start with CONCORD and a version")
    if scheme[1] != _VERSION:
        raise UnknownFormatError("patient code version", scheme[1])
    if not _BODY.fullmatch(scheme[2]):
        raise MalformedPatientCodeError("patient code: not 160 characters of upper-case base32; scan it again")
    data = b32decode(scheme[2])
    keys, checksum = data[:-_CHECKSUM_BYTES], data[-_CHECKSUM_BYTES:]
    if not compare_digest(_checksum(keys), checksum):
        raise MalformedPatientCodeError("patient code: the checksum differs; scan it again")
    code, exchange, signing = (keys[at : at + _KEY_BYTES] for at in range(0, len(keys), _KEY_BYTES))
    return PatientCard(PatientCode(code), PatientPublicKeys(exchange, signing))


def _checksum(keys: bytes) -> bytes:
    return sha256(_CHECKSUM_LABEL + keys).digest()[:_CHECKSUM_BYTES]
