"""What a regulator is answered about figures, institutions and entries, as msgspec structs."""

from __future__ import annotations

import dataclasses

import msgspec

from node.api.bodies.records import show_time
from node.domain.entry import InstitutionId
from node.services.oversight.supervised_logs import SupervisedEntry, SupervisedInstitution
from node.supervision.group_names import GroupNames
from node.supervision.liaoning import LiaoningRow
from node.supervision.tallies import Figures, Group
from node.supervision.time_to_anchor import AnchorDelay


class RateBody(msgspec.Struct, frozen=True):
    """A rate, always as what it is made of."""

    numerator: int
    denominator: int


class FigureRow(msgspec.Struct, frozen=True):
    """The figures of one group in one month, or of all time."""

    value: str
    name: str | None
    name_en: str | None
    period: str
    item_rate: RateBody
    person_rate: RateBody
    opportunities: int
    recognised: int
    reordered: int
    without_reason: int
    persons: int
    persons_recognised: int
    saving_fen: int
    cancelled_fen: int
    own: int
    own_recognised: int
    unchecked: int
    reversed: int
    retrievals: int


class DelayRow(msgspec.Struct, frozen=True):
    """How long entries waited for their anchor."""

    institution: str | None
    period: str
    entries: int
    median_s: int
    p95_s: int
    longest_s: int


class FiguresBody(msgspec.Struct, frozen=True):
    """Figures by one dimension."""

    by: str
    computed_at: str
    rows: list[FigureRow]
    time_to_anchor: list[DelayRow]


class ModalityCount(msgspec.Struct, frozen=True):
    """Recognitions of one modality."""

    modality: str
    recognised: int
    saving_fen: int


class LiaoningLine(msgspec.Struct, frozen=True):
    """One hospital of the form; the last line, without one, sums all."""

    institution: str | None
    name: str
    institution_class: str | None
    class_name: str | None
    class_name_en: str | None
    national_eqa_items: int
    provincial_eqa_items: int
    imaging_qc_items: int
    recognition_required: bool | None
    counts: list[ModalityCount]
    recognised: int
    saving_fen: int
    retrievals: int


class LiaoningBody(msgspec.Struct, frozen=True):
    """The form of Liaoning."""

    period: str
    day: str
    rows: list[LiaoningLine]


class LogLine(msgspec.Struct, frozen=True):
    """A log of an institution."""

    origin: str
    entries: int
    frozen: bool


class InstitutionLine(msgspec.Struct, frozen=True):
    """An institution of the consortium."""

    institution: str
    name: str
    name_en: str | None
    roles: list[str]
    region: str | None
    institution_class: str | None
    logs: list[LogLine]


class InstitutionListBody(msgspec.Struct, frozen=True):
    """All institutions."""

    institutions: list[InstitutionLine]


class ReceiptLine(msgspec.Struct, frozen=True):
    """What a receipt says of its request; no staff, no patient."""

    request_id: str
    side: str
    counterpart: str
    asked_by: str
    purpose: str
    outcome: str
    occurred_at: str


class EntryLine(msgspec.Struct, frozen=True):
    """An entry of a log."""

    leaf_index: int
    leaf_hash: str
    entry_type: str | None
    claimed_at: str | None
    seen_at: str
    receipt: ReceiptLine | None


class EntryListBody(msgspec.Struct, frozen=True):
    """A page of a log's entries."""

    origin: str
    entries: list[EntryLine]
    next_start: int | None


def figure_row(group: Group, figures: Figures, names: GroupNames) -> FigureRow:
    """Show a group; without a name where no document says one."""
    items, persons = RateBody(*figures.item_rate), RateBody(*figures.person_rate)
    zh, en = names.of(group) or (None, None)
    return FigureRow(group.value, zh, en, group.period, items, persons, **dataclasses.asdict(figures))


def delay_row(institution: InstitutionId | None, period: str, delay: AnchorDelay) -> DelayRow:
    """Show delays."""
    return DelayRow(institution, period, delay.entries, delay.median_s, delay.p95_s, delay.longest_s)


def liaoning_line(row: LiaoningRow, names: GroupNames) -> LiaoningLine:
    """Show a row of the form."""
    zh, en = (None if row.institution_class is None else names.of_class(row.institution_class)) or (None, None)
    return LiaoningLine(
        institution=row.institution,
        name=row.zh,
        institution_class=row.institution_class,
        class_name=zh,
        class_name_en=en,
        national_eqa_items=row.national_eqa_items,
        provincial_eqa_items=row.provincial_eqa_items,
        imaging_qc_items=row.imaging_qc_items,
        recognition_required=row.recognition_required,
        counts=[ModalityCount(each.modality, each.recognised, each.saving_fen) for each in row.counts],
        recognised=row.recognised,
        saving_fen=row.saving_fen,
        retrievals=row.retrievals,
    )


def institution_line(told: SupervisedInstitution) -> InstitutionLine:
    """Show an institution."""
    profile = told.profile
    return InstitutionLine(
        institution=told.institution,
        name=told.name if profile is None else profile.zh,
        name_en=None if profile is None else profile.en,
        roles=list(told.roles),
        region=None if profile is None else profile.region,
        institution_class=None if profile is None else profile.institution_class,
        logs=[LogLine(log.origin, log.entries, log.frozen) for log in told.logs],
    )


def entry_line(entry: SupervisedEntry) -> EntryLine:
    """Show an entry."""
    leaf, said = entry.leaf, entry.receipt
    receipt = None
    if said is not None:
        receipt = ReceiptLine(
            request_id=said.request_id,
            side=said.side.value,
            counterpart=said.counterpart,
            asked_by=said.actor.institution,
            purpose=said.purpose.value,
            outcome=said.outcome.value,
            occurred_at=show_time(said.occurred_at_ms),
        )
    return EntryLine(
        leaf_index=int(entry.place.index),
        leaf_hash=entry.leaf_hash.hex(),
        entry_type=None if leaf is None else leaf.entry_type.name.lower(),
        claimed_at=None if leaf is None else show_time(leaf.claimed_time_ms),
        seen_at=show_time(entry.seen_at_ms),
        receipt=receipt,
    )
