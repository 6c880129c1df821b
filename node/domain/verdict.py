"""What a verification found: what was proved, what was not, up to which level, as of when, by whom.

A verdict exists only where nothing was refuted; a refutation is an error. Words for people are in `node/texts`, under
`verify`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from node.domain.entry import EntryType, InstitutionId, LeafReference, Level, Origin, Version
from node.domain.header import Header
from node.domain.record import Kind, RecordStatus


class AnchorStanding(StrEnum):
    """What a verification can say of the anchor."""

    NONE = "none"
    """The evidence states no anchor."""
    STATED = "stated"
    """The evidence states an anchor that nothing here checked."""
    CHECKED = "checked"
    """The chain's own state, read by the verifier, holds the head."""


class AsOfBasis(StrEnum):
    """Who says that the evidence is as recent as that."""

    CHAIN = "chain"
    """The chain, read by the verifier."""
    WITNESSES = "witnesses"
    """A quorum of witnesses: that many saw the head at that time or later."""
    STATED = "stated"
    """Only the evidence's own words on its anchor."""
    CLAIMED = "claimed"
    """Only the issuer's claim in the leaf."""


class AnchoredHeadLike(Protocol):
    """A log head in the chain's state, as the verifier read it; `node.ports.chain.anchoring.AnchoredHead` is one."""

    @property
    def origin(self) -> str:
        """The log."""
        ...

    @property
    def size(self) -> int:
        """Tree size."""
        ...

    @property
    def root(self) -> bytes:
        """Root hash, 32 bytes."""
        ...

    @property
    def block_number(self) -> int:
        """The block in which the contract accepted it."""
        ...

    @property
    def timestamp_s(self) -> int:
        """That block's time, unix s."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was, or was not, proved."""

    code: str
    """Key under `verify` in the texts, such as `inclusion`."""
    values: tuple[tuple[str, str], ...] = ()
    """What the text names, as (placeholder, value)."""


@dataclass(frozen=True, slots=True)
class ProvedPart:
    """A part that the evidence opens, and that was found to be the committed one."""

    number: int
    """Its number in the record, from 1."""
    role: str
    """What it is in the record."""
    media_type: str
    """Its media type."""
    full_url: str
    """Its fullUrl, or empty."""
    content: bytes
    """Its bytes, proved to be the committed ones."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Evidence that holds, and how far."""

    origin: Origin
    """The log."""
    institution: InstitutionId
    """Whose log that is, by the trust root."""
    leaf_index: int
    """The entry's place in the log."""
    tree_size: int
    """Size of the checkpoint that covers it."""
    entry_type: EntryType
    """What the entry stands for."""
    kind: Kind
    """Kind of the record."""
    version: Version
    """Version of the record."""
    status: RecordStatus
    """Status of the record, verbatim."""
    supersedes: LeafReference | None
    """The entry that this one replaces."""
    part_count: int
    """Number of parts, the manifest included."""
    parts: tuple[ProvedPart, ...]
    """What was disclosed, in order of part numbers."""
    level: Level
    """How far the entry got, as far as proved here: `logged` or `anchored`."""
    anchor: AnchorStanding
    """What can be said of the anchor."""
    witnesses: tuple[InstitutionId, ...]
    """Other institutions whose cosignatures verified."""
    witnessed: bool
    """Whether these make the quorum of the trust root."""
    as_of: datetime
    """Later amendments are not visible; aware, UTC."""
    as_of_basis: AsOfBasis
    """Who says so."""
    trust_root_serial: int
    """The trust root that was used."""
    proved: tuple[Finding, ...]
    """What was proved, in order of checking."""
    not_proved: tuple[Finding, ...]
    """What was not proved."""
    remarks: tuple[Finding, ...]
    """What was proved and should not be overlooked: that the record was taken back, or replaces another."""


@dataclass(frozen=True, slots=True)
class ForkVerdict:
    """What evidence against a log proves."""

    origin: Origin
    """The log."""
    institution: InstitutionId
    """Whose log it is."""
    kind: str
    """`fork`, `rollback` or `anchor`."""
    earlier_size: int | None
    """Size of the checkpoint that was held before; None where an anchor is contradicted."""
    later_size: int
    """Size of the checkpoint that contradicts."""
    trust_root_serial: int
    """The trust root that was used."""
    proved: tuple[Finding, ...]
    """What was proved."""
    not_proved: tuple[Finding, ...]
    """What was not."""


@dataclass(frozen=True, slots=True)
class ProvedSeries:
    """A patient's entries in a log under one key, proved to be contiguous."""

    tag_class: int
    """0: what any treating hospital may find; 1: what only the writer and the patient find."""
    epoch: int | None
    """Class 0: the epoch's serial."""
    exchange_key: bytes | None
    """Class 1: the institution's exchange key, 32 bytes."""
    indices: tuple[int, ...]
    """Where the entries are, in order of their counters from 0."""


@dataclass(frozen=True, slots=True)
class CompletenessVerdict:
    """A proof of contiguity that holds."""

    origin: Origin
    """The log."""
    institution: InstitutionId
    """Whose log that is, by the trust root."""
    tree_size: int
    """Size of the signed head."""
    series: tuple[ProvedSeries, ...]
    """What was proved, key by key."""
    witnesses: tuple[InstitutionId, ...]
    """Other institutions whose cosignatures verified."""
    witnessed: bool
    """Whether these make the quorum of the trust root."""
    trust_root_serial: int
    """The trust root that was used."""
    proved: tuple[Finding, ...]
    """What was proved; words under `complete` in the texts."""
    not_proved: tuple[Finding, ...]
    """What was not proved."""
    remarks: tuple[Finding, ...]
    """What should not be overlooked: that the file holds keys."""


@dataclass(frozen=True, slots=True)
class BundleHead:
    """A log's head in a patient's bundle, and who saw it."""

    origin: Origin
    """The log."""
    institution: InstitutionId
    """Whose log that is, by the trust root."""
    tree_size: int
    """Its size."""
    witnesses: tuple[InstitutionId, ...]
    """Other institutions whose cosignatures verified."""
    witnessed: bool
    """Whether these make the quorum of the trust root."""


@dataclass(frozen=True, slots=True)
class ProvedLine:
    """A line of a patient's bundle that holds."""

    origin: Origin
    """The log."""
    institution: InstitutionId
    """Whose log that is, by the trust root."""
    leaf_index: int
    """Its place there."""
    entry_type: EntryType
    """What the entry stands for."""
    claimed_time_ms: int
    """The issuer's claim, unix ms."""
    header: Header | None
    """What it says; None where the header was deleted or withheld."""
    evidence: Verdict | None
    """What its evidence proves; None where it has none."""


@dataclass(frozen=True, slots=True)
class BundleVerdict:
    """A patient's bundle that holds."""

    heads: tuple[BundleHead, ...]
    """The signed heads."""
    lines: tuple[ProvedLine, ...]
    """In the bundle's order."""
    completeness: tuple[CompletenessVerdict, ...]
    """Proofs of contiguity that it holds."""
    trust_root_serial: int
    """The trust root that was used."""
    proved: tuple[Finding, ...]
    """What was proved; words under `bundle` in the texts."""
    not_proved: tuple[Finding, ...]
    """What was not proved."""
    remarks: tuple[Finding, ...]
    """What should not be overlooked: that the file holds keys."""


@dataclass(frozen=True, slots=True)
class FindingVerdict:
    """A finding of supervision whose entries hold."""

    code: str
    """What was found, as stated; the key of its words."""
    institutions: tuple[InstitutionId, ...]
    """Who has to answer for it, as stated."""
    subject: str
    """What it is about, as stated."""
    values: tuple[tuple[str, str], ...]
    """What its words name, as stated."""
    heads: tuple[BundleHead, ...]
    """The signed heads."""
    lines: tuple[ProvedLine, ...]
    """The entries that show it, proved."""
    trust_root_serial: int
    """The trust root that was used."""
    proved: tuple[Finding, ...]
    """What was proved; words under `bundle` in the texts."""
    not_proved: tuple[Finding, ...]
    """What was not proved."""
