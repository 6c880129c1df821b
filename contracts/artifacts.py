"""Load the committed artifacts of the contracts.

An artifact is what the pinned compiler made of one source (`python -m contracts.build` writes it, `--check` proves it).
The compiler is not needed to read it. Left out: deployment and calls, which are a chain client's.

Immutables: the constructor of a Vyper contract appends its immutable values to the runtime code, 32 bytes each, in
order of declaration. The hash of deployed code is therefore that of `runtime_code` + immutables; it equals
`runtime_code_hash` only for a contract without any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import msgspec

from contracts.errors import ArtifactError

CONTRACT_NAMES: Final = ("consortium", "consents", "log_anchors")
WORD_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Artifact:
    """What the compiler made of one contract."""

    name: str
    """Name of the contract: that of its source, without the suffix."""

    abi: Sequence[Mapping[str, Any]]
    """The JSON ABI, as web3 takes it."""

    creation_code: bytes
    """What a deployment sends, before the ABI-encoded constructor arguments."""

    runtime_code: bytes
    """What the constructor leaves on chain, before the immutable values."""

    runtime_code_hash: bytes
    """keccak256 of `runtime_code`, 32 bytes."""

    immutables_bytes: int
    """Length of the immutable values that follow the runtime code on chain."""

    event_topics: Mapping[str, bytes]
    """First topic (32 bytes) of each event by its name."""

    selectors: Mapping[str, bytes]
    """Selector (4 bytes) of each function by its signature."""

    storage_layout: Mapping[str, Any]
    """Slot, type and number of slots of each state variable, for state proofs."""

    compiler_version: str
    """Version of the compiler, with its commit."""

    settings: Mapping[str, str]
    """Settings of the compiler: `evm_version` and `optimize`."""

    source_hash: bytes
    """SHA-256 of the source file, 32 bytes."""

    def deployed_code(self, immutables: bytes = b"") -> bytes:
        """Return the code that `eth_getCode` must return.

        Args:
            immutables: The immutable values, 32 bytes each, in order of declaration (`log_anchors`: the consortium's
                address, left-padded).

        Raises:
            ArtifactError: If `immutables` has not the contract's length.
        """
        if len(immutables) != self.immutables_bytes:
            raise ArtifactError(self.name, f"takes {self.immutables_bytes} bytes of immutables, got {len(immutables)}")
        return self.runtime_code + immutables

    def deployed_code_hash(self, immutables: bytes = b"") -> bytes:
        """Return keccak256 of the code that `eth_getCode` must return, as trust roots pin it.

        Raises:
            ArtifactError: If `immutables` has not the contract's length.
        """
        if not immutables and not self.immutables_bytes:
            return self.runtime_code_hash
        # only here is keccak needed, and offline verification does not come here
        from eth_hash.auto import keccak  # noqa: PLC0415 - as above

        return keccak(self.deployed_code(immutables))


class ArtifactFile(msgspec.Struct, forbid_unknown_fields=True):
    """The JSON of one artifact; bytes are 0x-prefixed hexadecimal."""

    name: str
    """Name of the contract."""
    compiler_version: str
    """Version of the compiler, with its commit."""
    settings: dict[str, str]
    """Settings of the compiler."""
    source_sha256: str
    """SHA-256 of the source file."""
    runtime_code_hash: str
    """keccak256 of `bytecode_runtime`."""
    immutables_bytes: int
    """Length of the immutable values that follow the runtime code on chain."""
    abi: list[dict[str, Any]]
    """The JSON ABI."""
    event_topics: dict[str, str]
    """First topic of each event."""
    selectors: dict[str, str]
    """Selector of each function by its signature."""
    storage_layout: dict[str, dict[str, Any]]
    """Slot, type and number of slots of each state variable."""
    bytecode: str
    """Creation code."""
    bytecode_runtime: str
    """Runtime code, before the immutable values."""


def from_hex(text: str) -> bytes:
    """Read 0x-prefixed hexadecimal.

    Raises:
        ValueError: If it is not that.
    """
    if not text.startswith("0x"):
        raise ValueError("hexadecimal without 0x")
    return bytes.fromhex(text[2:])


@cache
def artifact(name: str) -> Artifact:
    """Load the artifact of a contract.

    Raises:
        ArtifactError: If there is none of that name, or the file is damaged.
    """
    if name not in CONTRACT_NAMES:
        raise ArtifactError(name, f"is not a contract of this release; there are {', '.join(CONTRACT_NAMES)}")
    content = resources.files("contracts").joinpath("artifacts", f"{name}.json").read_bytes()
    try:
        file = msgspec.json.decode(content, type=ArtifactFile)
        return _artifact(file)
    except (msgspec.MsgspecError, ValueError) as error:
        raise ArtifactError(name, f"damaged artifact ({error}); write it again with python -m contracts.build") from error


def _artifact(file: ArtifactFile) -> Artifact:
    return Artifact(
        name=file.name,
        abi=tuple(file.abi),
        creation_code=from_hex(file.bytecode),
        runtime_code=from_hex(file.bytecode_runtime),
        runtime_code_hash=from_hex(file.runtime_code_hash),
        immutables_bytes=file.immutables_bytes,
        event_topics={event: from_hex(topic) for event, topic in file.event_topics.items()},
        selectors={signature: from_hex(selector) for signature, selector in file.selectors.items()},
        storage_layout=file.storage_layout,
        compiler_version=file.compiler_version,
        settings=file.settings,
        source_hash=from_hex(file.source_sha256),
    )
