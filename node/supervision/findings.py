"""Findings: what supervision holds against an institution, with the entries that show it.

One type for all kinds. A kind is a code here, its severity, and its words under `finding` in `node/texts`. A finding's
id follows from what it is about, so that finding it again is not another finding. Left out: how each is found (`pairing`),
where they are kept (`node.ports.supervision.findings`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final, NewType

from node.domain.entry import InstitutionId, Origin

FindingId = NewType("FindingId", str)
"""32 hex digits that follow from code, institutions and subject."""

_ID_DIGITS: Final = 32


class FindingCode(StrEnum):
    """What was found; the key of its words."""

    HOLDER_ALONE = "holder_alone"
    """The holder logged an access that the requester never logged."""
    REQUESTER_ALONE = "requester_alone"
    """The requester logged an access that the holder never logged."""
    COUNTERPART_UNSEEN = "counterpart_unseen"
    """A receipt waits for its other side, whose log could not be followed since."""
    OUTCOMES_DIFFER = "outcomes_differ"
    """Both sides logged the request, with outcomes that cannot both be true."""
    CONTENTS_DIFFER = "contents_differ"
    """Both sides logged the request, and name other records, purposes, actors or consents."""
    ACTOR_FOREIGN = "actor_foreign"
    """A receipt names an actor of another institution than the one that asked."""
    DELIVERY_REJECTED = "delivery_rejected"
    """The requester says that what the holder sent did not verify."""
    DELIVERY_UNCONFIRMED = "delivery_unconfirmed"
    """The holder disclosed; the requester says that no answer came."""
    LEAF_AHEAD = "leaf_ahead"
    """A leaf claims a time well after it was first seen."""
    LEAF_BEHIND = "leaf_behind"
    """A leaf claims a time well before the log was last seen without it."""
    HEADER_WITHHELD = "header_withheld"
    """An institution does not hand out the header of an entry."""
    HEADER_UNREADABLE = "header_unreadable"
    """A header does not open for supervision, or is not what its entry type demands."""
    LOG_FROZEN = "log_frozen"
    """A log signed what contradicts what it signed before."""
    LOG_SILENT = "log_silent"
    """A log showed no new checkpoint for a long time."""
    EMERGENCY_UNREVIEWED = "emergency_unreviewed"
    """Somebody read in an emergency, and nobody reviewed it in time."""
    EMERGENCY_REUSED = "emergency_reused"
    """Somebody read under an emergency that somebody else opened, that was over, or that is another patient's."""
    ACCESS_WITHOUT_CONSENT = "access_without_consent"
    """A receipt of a disclosure to another institution names neither consent nor emergency, or a consent that was not in force."""
    ACCESS_OUTSIDE_CONSENT = "access_outside_consent"
    """A disclosure does not fit the document of the consent that it names: other grantee, purpose or person, or logged later."""
    CONSENT_UNDOCUMENTED = "consent_undocumented"
    """No log holds a document of the consent that a disclosure names."""
    REORDER_WITHOUT_REASON = "reorder_without_reason"
    """Something was ordered again without a reason, where by the checks that were logged one was due."""
    REORDERED_SILENTLY = "reordered_silently"
    """Nobody decided on what a check offered, and the same item was examined there while it counted."""
    MARK_WITHOUT_CERTIFICATE = "mark_without_certificate"
    """A record claims a mark that no certificate of its institution bears."""
    DOCUMENT_REFUSED = "document_refused"
    """A log publishes a document that its institution may not publish, or that cannot be read."""
    RECOGNISED_THEN_WITHDRAWN = "recognised_then_withdrawn"
    """A recognition stands, though the result that it uses was withdrawn or recalled."""

    RECOGNISED_UNRETRIEVED = "recognised_unretrieved"
    """A recognition stands of a result that whoever decided never logged to have retrieved."""


class Severity(StrEnum):
    """How much it matters."""

    NOTICE = "notice"
    """To be looked at; outages end like that too."""
    WARNING = "warning"
    """Somebody has to explain it."""
    SERIOUS = "serious"
    """A rule of the consortium was broken."""


SEVERITIES: Final[Mapping[FindingCode, Severity]] = {
    FindingCode.HOLDER_ALONE: Severity.SERIOUS,
    FindingCode.REQUESTER_ALONE: Severity.SERIOUS,
    FindingCode.COUNTERPART_UNSEEN: Severity.NOTICE,
    FindingCode.OUTCOMES_DIFFER: Severity.SERIOUS,
    FindingCode.CONTENTS_DIFFER: Severity.SERIOUS,
    FindingCode.ACTOR_FOREIGN: Severity.WARNING,
    FindingCode.DELIVERY_REJECTED: Severity.WARNING,
    FindingCode.DELIVERY_UNCONFIRMED: Severity.NOTICE,
    FindingCode.LEAF_AHEAD: Severity.WARNING,
    FindingCode.LEAF_BEHIND: Severity.WARNING,
    FindingCode.HEADER_WITHHELD: Severity.WARNING,
    FindingCode.HEADER_UNREADABLE: Severity.WARNING,
    FindingCode.LOG_FROZEN: Severity.SERIOUS,
    FindingCode.LOG_SILENT: Severity.NOTICE,
    FindingCode.EMERGENCY_UNREVIEWED: Severity.WARNING,
    FindingCode.EMERGENCY_REUSED: Severity.WARNING,
    FindingCode.ACCESS_WITHOUT_CONSENT: Severity.SERIOUS,
    FindingCode.ACCESS_OUTSIDE_CONSENT: Severity.SERIOUS,
    FindingCode.CONSENT_UNDOCUMENTED: Severity.WARNING,
    FindingCode.REORDER_WITHOUT_REASON: Severity.WARNING,
    FindingCode.REORDERED_SILENTLY: Severity.WARNING,
    FindingCode.MARK_WITHOUT_CERTIFICATE: Severity.SERIOUS,
    FindingCode.DOCUMENT_REFUSED: Severity.WARNING,
    FindingCode.RECOGNISED_THEN_WITHDRAWN: Severity.WARNING,
    FindingCode.RECOGNISED_UNRETRIEVED: Severity.WARNING,
}


@dataclass(frozen=True, slots=True, order=True)
class EntryPlace:
    """An entry that shows what was found, and where its proof is to be had."""

    origin: Origin
    """The log."""
    leaf_index: int
    """Its place there."""
    leaf_hash: bytes
    """RFC 9162 leaf hash, 32 bytes."""
    tree_size: int
    """Size of the trusted checkpoint under which it was first seen."""


@dataclass(frozen=True, slots=True)
class SupervisionFinding:
    """One thing that was found."""

    code: FindingCode
    """What."""
    institutions: tuple[InstitutionId, ...]
    """Who has to answer for it; both sides where nobody can tell who is wrong. Sorted."""
    subject: str
    """What it is about: a request id, an entry or a log. Never patient data."""
    entries: tuple[EntryPlace, ...]
    """What shows it. Sorted."""
    values: tuple[tuple[str, str], ...] = ()
    """What the words name besides, as (placeholder, value)."""

    @property
    def finding_id(self) -> FindingId:
        """Return what names it, however often it is found."""
        text = "\n".join((self.code, *self.institutions, self.subject))
        return FindingId(sha256(text.encode()).hexdigest()[:_ID_DIGITS])

    @property
    def severity(self) -> Severity:
        """Return how much it matters."""
        return SEVERITIES[self.code]
