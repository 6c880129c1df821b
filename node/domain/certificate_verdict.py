"""What the verification of a decision certificate found (docs/spec/decision-certificate.md).

A verdict exists only where nothing was refuted. Words for people are in `node/texts`, under `certificate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from node.domain.access import BlockStamp, ConsentId
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.domain.recognition import DocumentDigest, Obstacle, OfferedItem, ReadLog, RefusedItem
from node.domain.recognition_acts import DecisionContent
from node.domain.slip import DecisionSummary
from node.domain.verdict import BundleHead, Finding, Verdict


@dataclass(frozen=True, slots=True)
class ProvedRetrieval:
    """Receipts that show that a result was retrieved and verified before the decision."""

    leaf_index: int
    """Place of the requester's receipt, in the log of whoever decided: below the decision's."""
    occurred_at_ms: int
    """When, unix ms: the requester's word."""
    consent: ConsentId | None
    """The consent that was read; None where none was."""
    block: BlockStamp | None
    """The state of the chain in which it was read."""
    emergency: bytes | None
    """Or the emergency, 32 bytes."""
    holder_index: int | None
    """Place of the holder's own receipt in its log; None where it is not in the certificate."""


@dataclass(frozen=True, slots=True)
class LaterVersion:
    """A version that amends or withdraws a result, and that nobody could have relied on at the check."""

    leaf_index: int
    """Its place in the log."""
    withdrawn: bool
    """Whether it takes the result back."""
    claimed_time_ms: int
    """The issuer's claim, unix ms."""
    is_after_decision: bool
    """Whether that is after the decision."""
    was_in_log: bool | None
    """Whether it stood below the head that whoever checked had of the log: proved; None where no head is shown."""


@dataclass(frozen=True, slots=True)
class ProvedReadHead:
    """A signed head of a log which whoever checked the order had, and which is of the history that is shown."""

    size: int
    """Its size: nothing above it can have been read."""
    witnessed_at_s: int | None
    """Since when a quorum of other institutions had seen it, unix s; None where none is proved to have."""


@dataclass(frozen=True, slots=True)
class ReadProof:
    """How far all logs had been read when the order was checked, as the check commits to it."""

    logs: tuple[ReadLog, ...]
    """All of them, by origin: below these sizes whoever has the keys can look again."""
    heads: tuple[tuple[Origin, ProvedReadHead], ...]
    """The heads of those in which results are that were shown."""
    unread: tuple[Origin, ...]
    """Logs of the trust root that are not among them: not followed then, empty, or not there yet."""


@dataclass(frozen=True, slots=True)
class CertifiedResult:
    """A result that the clinician was shown."""

    reference: LeafReference
    """Its entry."""
    institution: InstitutionId
    """Who performed it."""
    leaf_index: int
    """Place of the entry that describes it: its own, or of a relocation."""
    is_relocated: bool
    """Whether a relocation describes it."""
    performed_at_ms: int
    """When, unix ms."""
    version: int | None
    """Version of the record; None where the header is gone."""
    status: str
    """Status of the record, verbatim; empty where the header is gone."""
    offered: tuple[OfferedItem, ...]
    """What it was offered for, with mark and certificate."""
    refused: tuple[RefusedItem, ...]
    """What it was not offered for, and why."""
    used: bool
    """Whether the decision uses it."""
    read_to: int | None
    """How far its log had been read at the check, as the check says; None where it does not."""
    read_head: ProvedReadHead | None
    """The head of its log that had been trusted then; None where the check holds none."""
    retrieval: ProvedRetrieval | None
    """What shows that it was retrieved."""
    later: tuple[LaterVersion, ...]
    """What came later."""

    @property
    def obstacles(self) -> tuple[Obstacle, ...]:
        """Return why it was not offered, each reason once."""
        return tuple(dict.fromkeys(each.obstacle for each in self.refused))


class PublicationStanding(StrEnum):
    """What is known of who published a document."""

    ENTITLED = "entitled"
    """It stood, when the order was checked, in the log of an institution that may publish it."""
    LATER = "published-later"
    """Whoever may publish it did so, and only after the check."""
    ROLE_UNKNOWN = "role-unknown"
    """It is published, and the trust root says nothing of its publisher's roles."""
    EMBEDDED = "embedded"
    """The file brings the bytes alone."""


@dataclass(frozen=True, slots=True)
class CertifiedDocument:
    """A document that the decision pins."""

    kind: str
    """Its kind."""
    subject: str
    """Whose it is: an institution for maps, else empty."""
    digest: DocumentDigest
    """SHA-256 of its bytes."""
    published: tuple[Origin, int] | None
    """Log and place of the public entry; None where the certificate brings the bytes alone."""
    publisher: InstitutionId | None
    """Whose log that is."""
    standing: PublicationStanding
    """Whether that institution may publish it: proved for `entitled` alone."""


@dataclass(frozen=True, slots=True)
class CertificateVerdict:
    """A decision certificate that holds."""

    decision: DecisionContent
    """What was decided, by whom, on what."""
    free_text: str
    """In the clinician's words."""
    entry: Verdict
    """The decision's own entry: log, place, witnesses, as of when."""
    check_index: int | None
    """Place of the check's entry in the same log; None where it is not logged yet, and only asserted."""
    checked_at_ms: int
    """When the check was answered, unix ms."""
    summary: DecisionSummary | None
    """What a slip of this decision has to say; None for what orders again."""
    price_fen: int | None
    """The order line's price, by the pinned price list; None where that has none."""
    results: tuple[CertifiedResult, ...]
    """What the clinician was shown for the order line, in its order."""
    reversed_at_ms: int | None
    """When the decision was taken back, unix ms."""
    reversal_index: int | None
    """Place of the entry that takes it back."""
    read: ReadProof | None
    """How far all logs had been read; None for checks that commit to nothing of it."""
    documents: tuple[CertifiedDocument, ...]
    """What the rules were read from."""
    heads: tuple[BundleHead, ...]
    """The signed heads under which entries are."""
    trust_root_serial: int
    """The trust root that was used."""
    proved: tuple[Finding, ...]
    """What was proved."""
    not_proved: tuple[Finding, ...]
    """What was not."""
    remarks: tuple[Finding, ...]
    """What should not be overlooked."""
