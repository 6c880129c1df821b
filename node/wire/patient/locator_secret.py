"""The file by which a locator secret of a new epoch travels to the members (docs/spec/locator.md, "Epochs").

JSON: epoch, who drew it, when, one SealedBox for each member, and an Ed25519 signature by the request key of whoever drew it
over "concord/locator-secret/v1" · u32 epoch · u64 time · digest of the boxes. Without the signature anybody could split the
consortium with a secret of their own: sealed boxes name no sender.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Final

import msgspec
from msgspec import Meta
from nacl.bindings import crypto_sign_open
from nacl.exceptions import CryptoError

from node.domain.entry import InstitutionId
from node.errors import LocatorSecretRefusedError, MalformedJsonError, MalformedLocatorSecretError, UnknownFormatError
from node.wire.json_strict import check_document

FORMAT: Final = "concord/locator-secret"

_VERSION: Final = 1
_LABEL: Final = b"concord/locator-secret/v1"
_MAX_DEPTH: Final = 3
_MAX_BOX_HEX: Final = 512


@dataclass(frozen=True, slots=True)
class LocatorSecretFile:
    """A locator secret on its way."""

    epoch: int
    """Serial of the epoch."""
    issuer: InstitutionId
    """Who drew the secret."""
    created_at_ms: int
    """When, unix ms."""
    boxes: Mapping[InstitutionId, bytes]
    """The secret, sealed to each member's exchange key."""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    format: str
    version: int
    epoch: Annotated[int, Meta(ge=1, le=2**32 - 1)]
    issuer: str
    created_at_ms: Annotated[int, Meta(ge=0, le=2**53)]
    boxes: dict[str, Annotated[str, Meta(max_length=_MAX_BOX_HEX)]]
    signature: Annotated[str, Meta(pattern=r"\A[0-9a-f]{128}\Z")]


class _Head(msgspec.Struct):
    format: str
    version: int


def signed_bytes(file: LocatorSecretFile) -> bytes:
    """Return what the issuer signs."""
    digest = sha256()
    for institution, box in sorted(file.boxes.items()):
        for piece in (institution.encode(), box):
            digest.update(len(piece).to_bytes(4, "big") + piece)
    head = file.epoch.to_bytes(4, "big") + file.created_at_ms.to_bytes(8, "big")
    issuer = file.issuer.encode()
    return _LABEL + head + len(issuer).to_bytes(4, "big") + issuer + digest.digest()


def encode_locator_secret(file: LocatorSecretFile, signature: bytes) -> bytes:
    """Encode the file.

    Args:
        file: What it says.
        signature: The issuer's, over `signed_bytes`, 64 bytes.
    """
    shape = _File(
        format=FORMAT,
        version=_VERSION,
        epoch=file.epoch,
        issuer=file.issuer,
        created_at_ms=file.created_at_ms,
        boxes={institution: box.hex() for institution, box in sorted(file.boxes.items())},
        signature=signature.hex(),
    )
    return msgspec.json.format(msgspec.json.encode(shape), indent=2) + b"\n"


def parse_locator_secret(data: bytes) -> tuple[LocatorSecretFile, bytes]:
    """Parse the file; return it and its signature, which is not verified.

    Raises:
        MalformedLocatorSecretError: It is none.
        UnknownFormatError: A version that this release does not know.
    """
    try:
        check_document(data, _MAX_DEPTH)
        head = msgspec.json.decode(data, type=_Head)
        if (head.format, head.version) != (FORMAT, _VERSION):
            raise UnknownFormatError("locator secret format", f"{head.format} {head.version}")
        shape = msgspec.json.decode(data, type=_File)
        boxes = {InstitutionId(name): bytes.fromhex(box) for name, box in shape.boxes.items()}
    except (MalformedJsonError, msgspec.MsgspecError, ValueError) as error:
        raise MalformedLocatorSecretError from error
    file = LocatorSecretFile(shape.epoch, InstitutionId(shape.issuer), shape.created_at_ms, boxes)
    return file, bytes.fromhex(shape.signature)


def verify_locator_secret(file: LocatorSecretFile, signature: bytes, request_keys: tuple[bytes, ...]) -> None:
    """Verify that the issuer signed the file.

    Args:
        file: What it says.
        signature: 64 bytes.
        request_keys: The issuer's request keys of the registry.

    Raises:
        LocatorSecretRefusedError: None of them did.
    """
    message = signed_bytes(file)
    for key in request_keys:
        try:
            crypto_sign_open(signature + message, key)
        except (CryptoError, ValueError, TypeError):
            continue
        return
    raise LocatorSecretRefusedError(f"no request key of {file.issuer} in the registry signed it")
