"""What was found when logs were read again for a decision certificate (docs/spec/look-again.md).

A verdict exists only where nothing in the file was refuted; that an entry is not accounted for is what such a file is there to
show. Words for people are in `node/texts`, under `look`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from node.domain.certificate_verdict import CertificateVerdict
from node.domain.entry import EntryType, InstitutionId, Origin
from node.domain.recognition import Obstacle
from node.domain.verdict import Finding


class Account(StrEnum):
    """What the check says of an entry of the patient that stood below what had been read."""

    OFFERED = "offered"
    """It was offered."""
    REFUSED = "refused"
    """It was told that it does not count, and why."""
    UNMAPPED = "unmapped"
    """It was told that its codes lead nowhere."""
    REPLACED = "replaced"
    """Another entry that stood there replaces it, describes it, or was told instead of it."""
    OTHER_KIND = "other-kind"
    """It is no result: nothing that answers an order."""
    NOT_CONCERNED = "not-concerned"
    """By the rules it has nothing to do with this order line."""
    BY_CONSENT = "by-consent"
    """A consent opens it, and nothing is told of it where that is revoked."""
    CLOSED = "closed"
    """What it says is not shown: its header was deleted since, or is not handed out."""
    UNJUDGED = "unjudged"
    """The map of its institution is not shown: whether it answers this order line nobody can tell."""
    HIDDEN_VERSION = "hidden-version"
    """It replaces a result that was offered, and the check says nothing of it."""
    HIDDEN_OFFER = "hidden-offer"
    """By the rules it would have been offered, and the check says nothing of it."""
    UNTOLD = "untold"
    """By the rules it would have been told that it does not count, and the check says nothing of it."""


HIDDEN = frozenset({Account.HIDDEN_VERSION, Account.HIDDEN_OFFER, Account.UNTOLD})
"""What the check does not account for."""
UNDECIDED = frozenset({Account.CLOSED, Account.UNJUDGED})
"""What cannot be told from what is shown."""


@dataclass(frozen=True, slots=True)
class AccountedEntry:
    """An entry of the patient that stood below what had been read."""

    origin: Origin
    """The log."""
    institution: InstitutionId
    """Whose."""
    leaf_index: int
    """Its place."""
    epoch: int
    """The epoch whose key finds it."""
    entry_type: EntryType
    """What it is."""
    claimed_time_ms: int
    """The issuer's claim, unix ms."""
    account: Account
    """What the check says of it."""
    obstacles: tuple[Obstacle, ...]
    """Why it does not count: as told, or, where nothing was told, by the rules."""
    items: tuple[str, ...]
    """Items of the order line that it answers, by the rules; empty where none."""
    version: int | None
    """Version of the record; None where it is closed or no record."""
    status: str
    """Status of the record, verbatim; empty likewise."""
    performed_at_ms: int | None
    """When it was performed, unix ms; None likewise."""
    replaces: int | None
    """Place of the result that was offered and that it replaces."""
    key_held: bool
    """Whether the check shows a result that only the same key finds: whoever checked had it."""


@dataclass(frozen=True, slots=True)
class LookedThrough:
    """A log that was looked through."""

    origin: Origin
    """The log."""
    institution: InstitutionId
    """Whose."""
    read_size: int
    """How far whoever checked had read it, by the check."""
    head_size: int
    """The signed head under which it was looked through."""
    witnessed: bool
    """Whether a quorum of other institutions saw that head."""
    compared: bool
    """Whether the certificate has a head of this log, and they are of one history."""
    entries: int
    """Entries of the patient below what had been read."""


@dataclass(frozen=True, slots=True)
class LookVerdict:
    """A file that holds."""

    certificate: CertificateVerdict
    """The certificate inside."""
    made_at_ms: int
    """When it was looked, unix ms: the word of whoever did."""
    logs: tuple[LookedThrough, ...]
    """The logs that were looked through."""
    left_out: tuple[Origin, ...]
    """Logs that had been read for the check, and were not looked through."""
    entries: tuple[AccountedEntry, ...]
    """The patient's entries, log by log."""
    person_shown: bool
    """Whether a result that the certificate shows is found under the keys."""
    trust_root_serial: int
    """The trust root that was used."""
    proved: tuple[Finding, ...]
    """What was proved."""
    not_proved: tuple[Finding, ...]
    """What was not."""
    remarks: tuple[Finding, ...]
    """What should not be overlooked."""

    @property
    def hidden(self) -> tuple[AccountedEntry, ...]:
        """Return what the check does not account for."""
        return tuple(each for each in self.entries if each.account in HIDDEN)

    @property
    def undecided(self) -> bool:
        """Tell whether something could not be looked at or judged."""
        return bool(self.left_out) or any(each.account in UNDECIDED for each in self.entries)
