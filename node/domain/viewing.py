"""What a clinician is shown of results that were retrieved and verified, as plain facts in the words of their issuer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from node.domain.recognition import ItemCode, Offer, OrderLine
from node.domain.recognition_acts import CheckId
from node.domain.verdict import Verdict


@dataclass(frozen=True, slots=True)
class MeasuredValue:
    """One line of a laboratory report, or of measurements."""

    name: str
    """What was measured."""
    value: str
    """The value as it was written; a reason where there is none."""
    unit: str
    """Its unit, or empty."""
    reference: str
    """The reference range, or empty."""
    flag: str
    """How the laboratory rates it, in its words, or empty."""
    measured_at: str
    """When, as it was written, or empty."""
    code: tuple[str, str]
    """System and code of what was measured; empty texts where it has none."""
    item: ItemCode | None = None
    """The item of the catalogue, by the issuer's map; None where it has none."""
    flag_codes: tuple[str, ...] = ()
    """How the laboratory rates it, as codes of HL7's ObservationInterpretation."""


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """One imaging study; the images are fetched where the holder keeps them."""

    description: str
    """What it is."""
    modality: str
    """Modalities."""
    body_site: str
    """Where."""
    started: str
    """When, as it was written, or empty."""
    series: str
    """Number of series, or empty."""
    instances: str
    """Number of images, or empty."""
    identifiers: tuple[str, ...]
    """Its study instance UID and accession number, as far as they are told."""


@dataclass(frozen=True, slots=True)
class DisplayedRecord:
    """A record in the words of its issuer."""

    title: str
    """What it is."""
    status: str
    """Its FHIR status."""
    performed: str
    """When it was performed, as it was written, or empty."""
    issued: str
    """When it was issued, as it was written, or empty."""
    values: tuple[MeasuredValue, ...]
    """What was measured."""
    studies: tuple[StudyFacts, ...]
    """What was imaged."""
    conclusion: str
    """The issuing physician's conclusion, or empty: out of scope of recognition."""
    unread: int
    """Number of parts that belong to the result and could not be read as what they claim to be."""


class ViewState(StrEnum):
    """What became of a result that was to be shown."""

    SHOWN = "shown"
    """Retrieved and verified."""
    DENIED = "denied"
    """The holder refused, and signed that it did."""
    AWAY = "away"
    """The holder did not answer in time."""
    REJECTED = "rejected"
    """What came is not what the log says; nothing of it is shown."""
    GONE = "gone"
    """It is not found any more: replaced, taken back, or hidden by a withdrawal."""


@dataclass(frozen=True, slots=True)
class ViewedResult:
    """One result of a link."""

    offer: Offer
    """As the check offered it."""
    state: ViewState
    """What became of it."""
    reason: str
    """Code of a denial, or empty."""
    verdict: Verdict | None = None
    """What the verification found; None where nothing came."""
    record: DisplayedRecord | None = None
    """What it says; None where nothing came."""


@dataclass(frozen=True, slots=True)
class ViewedLine:
    """What a link shows."""

    check_id: CheckId
    """The check."""
    line: OrderLine
    """The order line."""
    patient: str
    """The patient's number at the ordering institution: the clinician sees whose result it is."""
    results: tuple[ViewedResult, ...]
    """Its results, the newest first."""
