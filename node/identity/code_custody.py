"""A patient's card, sealed so that two of three custodians are needed to open it (docs/spec/code-service.md, ADR 0016).

version u8 = 1 · nonce 24 · u16 length · ciphertext · u8 pairs · each: u8 length · outer · u8 length · inner · box 128. The
ciphertext is the card (code 32 · X25519 32 · Ed25519 32) under a random key, bound to the document; each box is that key
under nested SealedBoxes, seal(outer, seal(inner, key)). Left out: who asks whom to open what (`services.codes`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_box_seal,
)
from nacl.exceptions import CryptoError

from node.domain.codes import CustodianPair, DocumentMac
from node.domain.entry import InstitutionId
from node.domain.patient import PatientCode, PatientPublicKeys
from node.errors import CardSealError, MalformedSealedCardError, UnknownFormatError
from node.identity.code_text import PatientCard

CUSTODIANS: Final = 3
BOX_BYTES: Final = 32 + 2 * 48

_VERSION: Final = 1
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 24
_CARD_BYTES: Final = 3 * _KEY_BYTES
_HEAD_BYTES: Final = 1 + _NONCE_BYTES + 2


@dataclass(frozen=True, slots=True)
class SealedCard:
    """A card that no institution opens alone."""

    nonce: bytes
    """24 bytes."""
    ciphertext: bytes
    """The card under a random key."""
    boxes: Mapping[CustodianPair, bytes]
    """That key, for each two of the custodians."""


def seal_card(
    card: PatientCard,
    document: DocumentMac,
    custodians: Mapping[InstitutionId, bytes],
    entropy: Callable[[int], bytes] = os.urandom,
) -> SealedCard:
    """Seal a card.

    Args:
        card: The card.
        document: To which it belongs: it opens for no other.
        custodians: Exchange public keys of the three custodians, 32 bytes each. The first of a pair opens the outer box.
        entropy: Draws key and nonce; SealedBox draws its own.

    Raises:
        ValueError: Not three custodians.
    """
    if len(custodians) != CUSTODIANS:
        raise ValueError(f"a card has {CUSTODIANS} custodians, not {len(custodians)}")
    key, nonce = entropy(_KEY_BYTES), entropy(_NONCE_BYTES)
    plaintext = card.code + card.public_keys.exchange + card.public_keys.signing
    boxes = {
        CustodianPair(outer, inner): crypto_box_seal(crypto_box_seal(key, custodians[inner]), custodians[outer])
        for outer, inner in combinations(custodians, 2)
    }
    return SealedCard(nonce, crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, document, nonce, key), boxes)


def open_card(sealed: SealedCard, document: DocumentMac, key: bytes) -> PatientCard:
    """Open a card with the key that two custodians opened together.

    Raises:
        CardSealError: Another card's key, another document, or altered.
    """
    try:
        card = crypto_aead_xchacha20poly1305_ietf_decrypt(sealed.ciphertext, document, sealed.nonce, key)
    except (CryptoError, ValueError, TypeError) as error:
        raise CardSealError from error
    if len(card) != _CARD_BYTES:
        raise CardSealError
    code, exchange, signing = (card[at : at + _KEY_BYTES] for at in range(0, _CARD_BYTES, _KEY_BYTES))
    return PatientCard(PatientCode(code), PatientPublicKeys(exchange, signing))


def encode_sealed_card(sealed: SealedCard) -> bytes:
    """Encode a sealed card."""
    pieces = [bytes((_VERSION,)), sealed.nonce, len(sealed.ciphertext).to_bytes(2, "big"), sealed.ciphertext]
    pieces.append(bytes((len(sealed.boxes),)))
    for pair, box in sealed.boxes.items():
        for name in (pair.outer.encode(), pair.inner.encode()):
            pieces += [bytes((len(name),)), name]
        pieces.append(box)
    return b"".join(pieces)


def parse_sealed_card(data: bytes) -> SealedCard:
    """Parse a sealed card.

    Raises:
        MalformedSealedCardError: Cut off, or with bytes that no sealed card has.
        UnknownFormatError: A version that this release does not know.
    """
    if data[:1] != bytes((_VERSION,)):
        raise UnknownFormatError("sealed card version", data[0] if data else None)
    reader = _Reader(data, 1)
    nonce = reader.take(_NONCE_BYTES)
    ciphertext = reader.take(int.from_bytes(reader.take(2), "big"))
    boxes: dict[CustodianPair, bytes] = {}
    for _ in range(reader.take(1)[0]):
        outer, inner = (reader.name() for _ in range(2))
        boxes[CustodianPair(outer, inner)] = reader.take(BOX_BYTES)
    if reader.at != len(data) or not boxes:
        raise MalformedSealedCardError
    return SealedCard(nonce, ciphertext, boxes)


class _Reader:
    """Takes bytes off the front."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self.at = at

    def take(self, count: int) -> bytes:
        piece = self._data[self.at : self.at + count]
        if len(piece) != count:
            raise MalformedSealedCardError
        self.at += count
        return piece

    def name(self) -> InstitutionId:
        try:
            return InstitutionId(self.take(self.take(1)[0]).decode())
        except UnicodeDecodeError as error:
            raise MalformedSealedCardError from error
