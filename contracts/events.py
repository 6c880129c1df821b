"""Decode the contracts' event logs to frozen dataclasses, without web3 and without keccak.

`decode_event` takes the topics and the data of one log, as bytes; the first topics come from the artifacts. The fields of
each class are the arguments of the event, in order, and are decoded by the types that the ABI gives. Strict: every
word must be in range, every string must be UTF-8, padded with zeros, and nothing may follow.
Left out: where a log stands in the chain, and whether its emitter is the contract that the trust root names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from contracts.artifacts import CONTRACT_NAMES, WORD_BYTES, artifact
from contracts.errors import MalformedEventError, UnknownEventError

ADDRESS_BYTES: Final = 20


@dataclass(frozen=True, slots=True)
class Anchored:
    """A head was accepted."""

    origin: bytes
    """Id of the origin, 32 bytes."""
    size: int
    """Number of entries."""
    root: bytes
    """Root of the tree of that size, 32 bytes."""


@dataclass(frozen=True, slots=True)
class InstitutionAdmitted:
    """An institution was admitted, active."""

    institution: bytes
    """Id of the institution, 32 bytes."""
    number: int
    """Its number, in order of admission."""
    identifier: str
    """Its identifier, whose keccak256 the id is."""
    roles: int
    """Bit mask of its roles."""
    chain_key: bytes
    """Its chain key, 20 bytes."""


@dataclass(frozen=True, slots=True)
class InstitutionSuspended:
    """An institution was suspended."""

    institution: bytes
    """Id of the institution, 32 bytes."""


@dataclass(frozen=True, slots=True)
class InstitutionReinstated:
    """A suspended institution was reinstated."""

    institution: bytes
    """Id of the institution, 32 bytes."""


@dataclass(frozen=True, slots=True)
class RolesChanged:
    """An institution has other roles."""

    institution: bytes
    """Id of the institution, 32 bytes."""
    roles: int
    """Bit mask of all its roles."""


@dataclass(frozen=True, slots=True)
class KeyRegistered:
    """An institution has a new key."""

    institution: bytes
    """Id of the institution, 32 bytes."""
    kind: int
    """Kind of key."""
    index: int
    """Index among all its keys of that kind."""
    value: bytes
    """The key, 32 bytes; an address is left-padded."""
    valid_from: int
    """From when it is valid, unix seconds."""


@dataclass(frozen=True, slots=True)
class KeyEnded:
    """The end of a key was set, or brought forward."""

    institution: bytes
    """Id of the institution, 32 bytes."""
    kind: int
    """Kind of key."""
    index: int
    """Index among all its keys of that kind."""
    value: bytes
    """The key, 32 bytes; an address is left-padded."""
    valid_until: int
    """When it ends (exclusive), unix seconds."""


@dataclass(frozen=True, slots=True)
class OriginAdded:
    """A log origin was added, open."""

    origin: bytes
    """Id of the origin, 32 bytes."""
    institution: bytes
    """Id of its institution, 32 bytes."""
    name: str
    """The origin line, whose keccak256 the id is."""
    endpoint: str
    """URL under which the log is served."""


@dataclass(frozen=True, slots=True)
class EndpointChanged:
    """A log is served elsewhere."""

    origin: bytes
    """Id of the origin, 32 bytes."""
    endpoint: str
    """The new URL."""


@dataclass(frozen=True, slots=True)
class OriginClosed:
    """An origin was closed; evidence for indices from `final_size` on is void."""

    origin: bytes
    """Id of the origin, 32 bytes."""
    final_size: int
    """Number of entries that stay good."""
    final_root: bytes
    """Root of the tree of that size, 32 bytes."""
    successor: bytes
    """Id of the origin that goes on, or 32 zero bytes."""


@dataclass(frozen=True, slots=True)
class KindRegistered:
    """A kind was registered, or a new version of it."""

    index: int
    """Index among all registered kinds."""
    name: str
    """Name of the kind."""
    digest: bytes
    """SHA-256 of its definition, 32 bytes."""


@dataclass(frozen=True, slots=True)
class CatalogueRegistered:
    """A catalogue was registered, or a new version of it."""

    index: int
    """Index among all registered catalogues."""
    name: str
    """Name of the catalogue."""
    digest: bytes
    """SHA-256 of its bytes, 32 bytes."""


@dataclass(frozen=True, slots=True)
class ThresholdChanged:
    """Another number of votes carries a proposal."""

    threshold: int
    """How many."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """A proposal was made."""

    proposal: int
    """Its number."""
    action: int
    """What it does."""
    proposer: bytes
    """Id of the proposing institution, 32 bytes."""
    subject: bytes
    """Id of the institution or origin, keccak256 of a name, or zero; 32 bytes."""
    expires_at: int
    """When it expires (exclusive), unix seconds."""


@dataclass(frozen=True, slots=True)
class Voted:
    """An institution voted for a proposal."""

    proposal: int
    """Number of the proposal."""
    institution: bytes
    """Id of the institution, 32 bytes."""


@dataclass(frozen=True, slots=True)
class Executed:
    """A proposal was carried and executed; the events of what it did follow in the same transaction."""

    proposal: int
    """Number of the proposal."""
    votes: int
    """Votes of active institutions at that time."""


@dataclass(frozen=True, slots=True)
class ConsentGranted:
    """A consent was granted, by a patient's key or by an institution."""

    id: bytes
    """Id of the consent, 32 bytes."""
    scope: bytes
    """Salted digest of its scope, 32 bytes."""
    patient_key: bytes
    """The patient's key for this consent, 20 bytes; zero where an institution granted it."""
    institution: bytes
    """Id of the institution that granted it, 32 bytes; zero where a patient's key did."""
    expires_at: int
    """Until when it holds (exclusive), unix seconds."""


@dataclass(frozen=True, slots=True)
class ConsentRevoked:
    """A consent was revoked, for good."""

    id: bytes
    """Id of the consent, 32 bytes."""


@dataclass(frozen=True, slots=True)
class EmergencyOpened:
    """An institution reads without consent; it owes a review."""

    id: bytes
    """Id of the emergency, 32 bytes."""
    institution: bytes
    """Id of the institution, 32 bytes."""
    digest: bytes
    """Salted digest of who, why and for whom, 32 bytes."""


@dataclass(frozen=True, slots=True)
class EmergencyReviewed:
    """An emergency was reviewed."""

    id: bytes
    """Id of the emergency, 32 bytes."""
    institution: bytes
    """Id of the institution, 32 bytes."""
    digest: bytes
    """Salted digest of the review, 32 bytes."""


Event = (
    Anchored
    | InstitutionAdmitted
    | InstitutionSuspended
    | InstitutionReinstated
    | RolesChanged
    | KeyRegistered
    | KeyEnded
    | OriginAdded
    | EndpointChanged
    | OriginClosed
    | KindRegistered
    | CatalogueRegistered
    | ThresholdChanged
    | Proposed
    | Voted
    | Executed
    | ConsentGranted
    | ConsentRevoked
    | EmergencyOpened
    | EmergencyReviewed
)
"""Every event of the contracts."""

_CLASSES: Final[Mapping[str, type[Event]]] = {cls.__name__: cls for cls in Event.__args__}


@dataclass(frozen=True, slots=True)
class _Declaration:
    """How one event is laid out."""

    cls: type[Event]
    """The class that it decodes to."""
    arguments: Sequence[tuple[str, str, bool]]
    """Name, ABI type and whether it is indexed, in order."""


def event_topic(event: type[Event]) -> bytes:
    """Return the first topic of an event, 32 bytes: what to filter logs by."""
    for name in CONTRACT_NAMES:
        topic = artifact(name).event_topics.get(event.__name__)
        if topic is not None:
            return topic
    raise UnknownEventError("no contract", event.__name__.encode())


def decode_event(contract: str, topics: Sequence[bytes], data: bytes) -> Event:
    """Decode one event log of a contract.

    Args:
        contract: Name of the contract that emitted it.
        topics: Its topics, 32 bytes each.
        data: Its data.

    Raises:
        ArtifactError: If there is no contract of that name.
        UnknownEventError: If the contract has no event with the first topic.
        MalformedEventError: If topics or data are not what the event declares.
    """
    first = bytes(topics[0]) if topics else b""
    declaration = _declarations(contract).get(first)
    if declaration is None:
        raise UnknownEventError(contract, first)
    try:
        return declaration.cls(*_decode_arguments(declaration.arguments, topics[1:], data))
    except ValueError as error:
        raise MalformedEventError(declaration.cls.__name__, str(error)) from error


@cache
def _declarations(contract: str) -> Mapping[bytes, _Declaration]:
    loaded = artifact(contract)
    return {
        loaded.event_topics[entry["name"]]: _Declaration(
            cls=_CLASSES[entry["name"]],
            arguments=tuple((argument["name"], argument["type"], argument["indexed"]) for argument in entry["inputs"]),
        )
        for entry in loaded.abi
        if entry["type"] == "event"
    }


def _decode_arguments(arguments: Sequence[tuple[str, str, bool]], topics: Sequence[bytes], data: bytes) -> Sequence[Any]:
    indexed = sum(1 for _, _, is_indexed in arguments if is_indexed)
    if len(topics) != indexed or any(len(topic) != WORD_BYTES for topic in topics):
        raise ValueError(f"needs {indexed} further topics of {WORD_BYTES} bytes")
    from_topics = iter(topics)
    head = 0
    tail = WORD_BYTES * (len(arguments) - indexed)
    values: list[Any] = []
    for name, abi_type, is_indexed in arguments:
        word = bytes(next(from_topics)) if is_indexed else data[head : head + WORD_BYTES]
        head += 0 if is_indexed else WORD_BYTES
        if len(word) != WORD_BYTES:
            raise ValueError(f"{name}: data end early")
        if abi_type == "string":
            text, tail = _decode_string(name, word, data, tail)
            values.append(text)
        else:
            values.append(_decode_word(name, abi_type, word))
    if tail != len(data):
        raise ValueError(f"{len(data) - tail} bytes too many")
    return values


def _decode_word(name: str, abi_type: str, word: bytes) -> int | bytes:
    if abi_type == "bytes32":
        return word
    bits = 8 * ADDRESS_BYTES if abi_type == "address" else int(abi_type.removeprefix("uint"))
    value = int.from_bytes(word, "big")
    if value >> bits:
        raise ValueError(f"{name}: out of range of {abi_type}")
    return word[-ADDRESS_BYTES:] if abi_type == "address" else value


def _decode_string(name: str, word: bytes, data: bytes, tail: int) -> tuple[str, int]:
    """Return the string at the end of what was read so far, and where it ends: encoders leave no gap."""
    if int.from_bytes(word, "big") != tail:
        raise ValueError(f"{name}: not where it belongs")
    start = tail + WORD_BYTES
    length = int.from_bytes(data[tail:start], "big")
    end = start + -(-length // WORD_BYTES) * WORD_BYTES
    if end > len(data) or start > len(data):
        raise ValueError(f"{name}: data end early")
    if any(data[start + length : end]):
        raise ValueError(f"{name}: padding is not zero")
    # UnicodeDecodeError is a ValueError
    return data[start : start + length].decode("utf-8"), end
