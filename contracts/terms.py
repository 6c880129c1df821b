"""The numbers that the contracts use for roles, kinds of key, states and actions, and the bounds that they keep.

They restate the constants of `contracts/src`; a test compares them. Specification: docs/spec/contracts.md.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final

MAX_FOUNDERS: Final = 16
MAX_INSTITUTIONS: Final = 4096
MAX_ORIGINS: Final = 32
"""Origins of one institution, closed ones included."""
MAX_SIZE: Final = 2**48
"""Sizes of trees are below this."""
MAX_PROOF: Final = 63
"""Hashes in a consistency proof."""
MAX_OVERLAP_S: Final = 90 * 86_400
"""Seconds for which a replaced key stays valid."""
PROPOSAL_LIFETIME_S: Final = 14 * 86_400
"""Seconds for which a proposal can be voted for."""
MAX_CONSENT_LIFETIME_S: Final = 3_660 * 86_400
"""Seconds within which a consent expires."""
MAX_IDENTIFIER_BYTES: Final = 64
MAX_NAME_BYTES: Final = 64
MAX_ORIGIN_BYTES: Final = 128
MAX_ENDPOINT_BYTES: Final = 256


class Role(IntFlag):
    """What an institution is; the chain holds the bit mask."""

    HOSPITAL = 1
    PRIMARY_CARE = 2
    DIAGNOSTIC_CENTRE = 4
    PHARMACY = 8
    INSURER = 16
    LOGISTICS = 32
    LICENSING = 64
    CODE_SERVICE = 128
    REGULATOR = 256


class Status(IntEnum):
    """Whether an institution may write."""

    ACTIVE = 1
    SUSPENDED = 2


class KeyKind(IntEnum):
    """What a registered key is for."""

    CHAIN = 1
    """Address that votes for the institution and administers it."""
    ANCHOR = 2
    """Address that anchors the heads of its logs."""
    LOG = 3
    """Ed25519 key that signs its checkpoints."""
    COSIGN = 4
    """Ed25519 key that cosigns the checkpoints of others."""
    EXCHANGE = 5
    """X25519 key to which secrets are sealed."""
    REQUEST = 6
    """Ed25519 key that signs retrieval requests and answers."""
    AUDIT = 7
    """X25519 key of a regulator to which headers are sealed."""


class Action(IntEnum):
    """What a proposal does once it is carried."""

    ADMIT = 1
    SUSPEND = 2
    REINSTATE = 3
    CHANGE_ROLES = 4
    ADD_ORIGIN = 5
    CLOSE_ORIGIN = 6
    REGISTER_KIND = 7
    REGISTER_CATALOGUE = 8
    CHANGE_THRESHOLD = 9
    REPLACE_CHAIN_KEY = 10
