"""Locator tags: by which a patient's hospitals, and nobody else, find an entry (docs/spec/locator.md).

Class 0 tags are made with an epoch key, class 1 tags with a pairwise key; to others both are random bytes. Left out:
who counts (the staging transaction), who probes (the follower).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

from nacl.bindings import crypto_scalarmult

from node.domain.entry import Origin
from node.domain.patient import LocatorTag
from node.identity.codes import epoch_key
from node.identity.hkdf import hkdf_sha256, hmac_sha256, hmac_states
from node.wire.commitment import Entropy

__all__ = ["ORDINARY", "PRIVATE", "TAG_BYTES", "TagMaker", "epoch_key", "locator_tag", "pairwise_key", "random_tag"]

TAG_BYTES: Final = 32
ORDINARY: Final = 0
"""Class of what any treating hospital may find."""
PRIVATE: Final = 1
"""Class of what the writer and the patient alone find."""

_PAIRWISE_LABEL: Final = b"concord/pairwise/v1"
_KEY_BYTES: Final = 32


def locator_tag(key: bytes, origin: Origin, tag_class: int, counter: int) -> LocatorTag:
    """Compute the tag of a patient's entry number `counter` in a log.

    Args:
        key: K_e for class 0, K_r for class 1; 32 bytes.
        origin: The log.
        tag_class: 0 or 1.
        counter: From 0; never used twice with the same key, log and class.

    Raises:
        ValueError: A key of another length, another class, or an origin with a zero byte.
    """
    if len(key) != _KEY_BYTES or tag_class not in (0, 1) or "\0" in origin:
        raise ValueError("a tag needs a key of 32 bytes, class 0 or 1 and an origin without zero bytes")
    message = origin.encode() + b"\0" + bytes((tag_class,)) + counter.to_bytes(8, "big")
    return LocatorTag(hmac_sha256(key, message))


class TagMaker:
    """Makes many tags under one key: the same as `locator_tag`, with the key hashed once."""

    def __init__(self, key: bytes) -> None:
        """Take K_e or K_r.

        Raises:
            ValueError: A key of another length.
        """
        if len(key) != _KEY_BYTES:
            raise ValueError("a tag needs a key of 32 bytes")
        self._inner, self._outer = hmac_states(key)

    def tag(self, origin: Origin, tag_class: int, counter: int) -> LocatorTag:
        """Compute the tag of entry number `counter` in a log."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(b"%b\0%c%b" % (origin.encode(), tag_class, counter.to_bytes(8, "big")))
        outer.update(inner.digest())
        return LocatorTag(outer.digest())

    def tags(self, origins: Iterable[Origin], tag_class: int, counter: int) -> list[tuple[Origin, LocatorTag]]:
        """Compute the tag of entry number `counter` in each of many logs: a find does little else."""
        rest = b"\0%c%b" % (tag_class, counter.to_bytes(8, "big"))
        new_inner, new_outer = self._inner.copy, self._outer.copy
        made = []
        for origin in origins:
            inner, outer = new_inner(), new_outer()
            inner.update(origin.encode() + rest)
            outer.update(inner.digest())
            made.append((origin, LocatorTag(outer.digest())))
        return made


def random_tag(entropy: Entropy = os.urandom) -> LocatorTag:
    """Draw the tag of an entry that belongs to no patient."""
    return LocatorTag(entropy(TAG_BYTES))


def pairwise_key(private_key: bytes, public_key: bytes) -> bytes:
    """Derive K_r, 32 bytes, which an institution and a patient share.

    Args:
        private_key: X25519: the institution's exchange key, or the patient's.
        public_key: The other side's.

    Raises:
        ValueError: A key of another length, or a public key of small order, which would give everyone the same key.
    """
    if len(private_key) != _KEY_BYTES or len(public_key) != _KEY_BYTES:
        raise ValueError("X25519 keys have 32 bytes")
    try:
        shared = crypto_scalarmult(private_key, public_key)
    except RuntimeError as error:
        raise ValueError("an X25519 public key of small order") from error
    return hkdf_sha256(shared, _PAIRWISE_LABEL)
