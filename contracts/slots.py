"""Where the contracts keep what is read from outside their functions: storage slots for state proofs and access lists.

A value of a Vyper HashMap at slot s under key k is at keccak256(s · k), both as 32 bytes; the members of a struct follow
each other. The slots of the maps come from the artifacts. See docs/spec/contracts.md, section State.
Left out: fetching and verifying a state proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from contracts.artifacts import WORD_BYTES, artifact

SIZE_BITS: Final = 48
SIZE_MASK: Final = 2**SIZE_BITS - 1
PLACE_SHIFT: Final = 3 * SIZE_BITS


@dataclass(frozen=True, slots=True)
class HeadWord:
    """The packed first slot of a head."""

    size: int
    """Number of entries."""
    block_number: int
    """Number of the block that accepted the head."""
    timestamp_s: int
    """Timestamp of that block, unix seconds."""
    place: int
    """Place of the origin in the consortium's tables: (institution number + 1) * 256 + position."""

    @property
    def institution_number(self) -> int:
        """Number of the institution whose log this is."""
        return (self.place >> 8) - 1


def parse_head_word(word: int) -> HeadWord | None:
    """Unpack the first slot of a head; None if the origin has none."""
    if word == 0:
        return None
    return HeadWord(
        size=word & SIZE_MASK,
        block_number=(word >> SIZE_BITS) & SIZE_MASK,
        timestamp_s=(word >> 2 * SIZE_BITS) & SIZE_MASK,
        place=word >> PLACE_SHIFT,
    )


def head_slots(origin_id: bytes) -> tuple[int, int]:
    """Return the slots of `log_anchors` with the packed word and the root of an origin's head."""
    first = _map_slot("log_anchors", "heads", origin_id)
    return first, first + 1


def member_slot(institution_number: int) -> int:
    """Return the slot of `consortium` that an anchor by this institution reads."""
    return _map_slot("consortium", "members", institution_number.to_bytes(WORD_BYTES, "big"))


def anchor_access_list(consortium: bytes, institution_number: int) -> list[tuple[bytes, list[int]]]:
    """Return the EIP-2930 access list that makes an anchor 200 gas cheaper: the consortium's address and the member word.

    Of the execution it saves 4,500 gas, for which the transaction pays 4,300 in advance.
    """
    return [(consortium, [member_slot(institution_number)])]


def _map_slot(contract: str, variable: str, key: bytes) -> int:
    from eth_hash.auto import keccak  # noqa: PLC0415 - offline verification imports this package, but not keccak

    slot: int = artifact(contract).storage_layout[variable]["slot"]
    return int.from_bytes(keccak(slot.to_bytes(WORD_BYTES, "big") + key), "big")
