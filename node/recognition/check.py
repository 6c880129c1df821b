"""The check at order time: what results of others answer an order, and why the rest do not (docs/spec/catalogue.md).

Pure, and made for a clinician who waits: everything that can be prepared is in the index. The caller gives the headers
that its own index found and policy lets through: what consent withholds is absent here, not reasoned about. Left out:
finding, logging (services), words (`warning`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from node.domain.entry import EntryType
from node.domain.found_result import FoundResult
from node.domain.header import HeaderContent
from node.domain.recognition import (
    CheckOutcome,
    Coverage,
    ItemCode,
    Obstacle,
    Offer,
    OfferedItem,
    OrderableCheck,
    OrderLine,
    RefusedItem,
    UnmappedResult,
    UnrecognisableResult,
)
from node.domain.record import Item
from node.recognition.index import ItemRule, OrderingIndex
from node.terminology.maps import Orderable, ResultIndex, ResultMapping
from node.terminology.marks import Mark

FINAL_STATUSES: Final = frozenset({"final", "amended", "corrected", "appended", "available"})
"""FHIR statuses of DiagnosticReport and ImagingStudy under which a result stands."""

IMAGE_ROLES: Final = frozenset({"imaging-study", "media"})
"""Roles of parts that show that images belong to a record."""

_GONE: Final = (Obstacle.WITHDRAWN, Obstacle.SUPERSEDED)
_CLOCK_SKEW_MS: Final = 300_000
_DAY_MS: Final = 86_400_000
_NO_MARK_NEEDED: Final = ""

_Verdicts = Mapping[ItemCode, OfferedItem | Obstacle]


@dataclass(frozen=True, slots=True)
class _Judged:
    """A result that concerns the order."""

    found: FoundResult
    verdicts: _Verdicts


def check_order(
    index: OrderingIndex, encounter: str, lines: Sequence[OrderLine], found: Sequence[FoundResult], now_ms: int
) -> CheckOutcome:
    """Answer an order from what was found of the patient.

    Args:
        index: The rules as they are for the ordering institution.
        encounter: The encounter.
        lines: What is about to be ordered.
        found: Records of the patient, their headers opened, in any order.
        now_ms: Now, unix ms.
    """
    answers = [_Line(index, line, index.orderables.get(line.orderable), now_ms) for line in lines]
    wanted = frozenset(item for answer in answers for item in answer.places if item in index.rules)
    standing = _standing(found)
    judged: list[_Judged] = []
    unmapped: list[UnmappedResult] = []
    for each in sorted(found, key=lambda result: (-result.content.performed_at_ms, result.leaf.leaf_hash)):
        rows, unknown = _place(index.shared.results.get(each.institution), each.content.items, wanted)
        obstacle = standing.get(each.leaf.leaf_hash)
        if rows:
            judged.append(_Judged(each, _judge(index, each, rows, obstacle, now_ms)))
        if unknown and obstacle is None:
            unmapped.append(UnmappedResult(each.leaf, each.institution, each.content.performed_at_ms, unknown))
    for one in _each_once(judged):
        for answer in answers:
            if not answer.places.keys().isdisjoint(one.verdicts):
                answer.take(one.found, one.verdicts)
    checks = tuple(answer.check() for answer in answers)
    return CheckOutcome(index.institution, encounter, now_ms, checks, tuple(unmapped), index.shared.terminology.pins)


def has_images(content: HeaderContent) -> bool:
    """Tell whether images belong to a record."""
    return any(part.role in IMAGE_ROLES or part.media_type.startswith("application/dicom") for part in content.parts)


def _standing(found: Iterable[FoundResult]) -> dict[bytes, Obstacle]:
    """Say of each entry that no longer stands, by leaf hash, whether it was taken back or replaced.

    A log speaks for its own records only: what another origin claims to supersede is left alone.
    """
    newest: dict[tuple[str, str], FoundResult] = {}
    replaced: dict[bytes, FoundResult] = {}
    everything = tuple(found)
    for each in everything:
        key = (each.leaf.origin, each.content.record_id)
        if key not in newest or _age_order(each) > _age_order(newest[key]):
            newest[key] = each
        earlier = each.content.supersedes
        if earlier is not None and earlier.origin == each.leaf.origin:
            replaced[earlier.leaf_hash] = each
    standing = {}
    for each in everything:
        last = newest[each.leaf.origin, each.content.record_id]
        if last is each:
            last = replaced.get(each.leaf.leaf_hash, each)
        if last.entry_type is EntryType.WITHDRAWAL:
            standing[each.leaf.leaf_hash] = Obstacle.WITHDRAWN
        elif last is not each:
            standing[each.leaf.leaf_hash] = Obstacle.SUPERSEDED
    return standing


def _age_order(result: FoundResult) -> tuple[int, bytes]:
    return (result.content.version, result.leaf.leaf_hash)


def _place(
    results: ResultIndex | None, items: Iterable[Item], wanted: frozenset[ItemCode]
) -> tuple[dict[ItemCode, list[tuple[Item, ResultMapping]]], tuple[tuple[str, str], ...]]:
    """Find which wanted items a result is about, and which of its codes lead nowhere."""
    if results is None:
        return {}, tuple(dict.fromkeys((each.system, each.code) for each in items))
    rows: dict[ItemCode, list[tuple[Item, ResultMapping]]] = {}
    unknown: dict[tuple[str, str], None] = {}
    find = results.find
    for each in items:
        row = find(each)
        if row is None:
            unknown[each.system, each.code] = None
        elif row.item in wanted:
            rows.setdefault(row.item, []).append((each, row))
    return rows, tuple(unknown)


def _judge(
    index: OrderingIndex,
    result: FoundResult,
    rows: Mapping[ItemCode, Sequence[tuple[Item, ResultMapping]]],
    standing: Obstacle | None,
    now_ms: int,
) -> _Verdicts:
    whole = standing or _obstacle_of_all(result)
    if whole is not None:
        return dict.fromkeys(rows, whole)
    age_ms = now_ms - result.content.performed_at_ms
    images = has_images(result.content)
    verdicts: dict[ItemCode, OfferedItem | Obstacle] = {}
    for item, placed in rows.items():
        rule = index.rules[item]
        obstacle = _obstacle_of_item(rule, placed, age_ms, images=images)
        verdicts[item] = obstacle or _marked(index, result, rule)
    return verdicts


def _obstacle_of_all(result: FoundResult) -> Obstacle | None:
    if result.recalled:
        return Obstacle.RECALLED
    if result.content.status not in FINAL_STATUSES:
        return Obstacle.PRELIMINARY
    return Obstacle.LOG_FROZEN if result.frozen else None


def _obstacle_of_item(
    rule: ItemRule, placed: Sequence[tuple[Item, ResultMapping]], age_ms: int, *, images: bool
) -> Obstacle | None:
    if rule.window_ms is None or not -_CLOCK_SKEW_MS <= age_ms <= rule.window_ms:
        return Obstacle.OUT_OF_WINDOW
    if rule.item.unit and not any((each.unit or row.unit) in rule.units for each, row in placed):
        return Obstacle.UNIT
    if rule.methods is not None and not any(row.method in rule.methods for _, row in placed):
        return Obstacle.METHOD
    return Obstacle.NO_IMAGES if rule.item.images_required and not images else None


def _marked(index: OrderingIndex, result: FoundResult, rule: ItemRule) -> OfferedItem | Obstacle:
    item = rule.item.code
    own = result.institution == index.institution
    if not own and not index.is_accepted(result.institution):
        return Obstacle.LOWER_CLASS
    if own or not rule.needs_mark:
        return OfferedItem(item, _NO_MARK_NEEDED, None)
    mark = index.mark_of(result.institution, item, result.content.performed_at_ms)
    return OfferedItem(item, mark.label, mark.certificate) if isinstance(mark, Mark) else mark


def _each_once(judged: Iterable[_Judged]) -> list[_Judged]:
    """Tell once of a record that was taken back, and once of what its newest version replaced: by the newest that says it."""
    kept: dict[tuple[str, str, object], _Judged] = {}
    for each in judged:
        # what stands against all of a result that is no longer there
        gone = next((verdict for verdict in each.verdicts.values() if verdict in _GONE), None)
        key = (each.found.leaf.origin, each.found.content.record_id, gone or each.found.leaf.leaf_hash)
        if key not in kept or _age_order(each.found) > _age_order(kept[key].found):
            kept[key] = each
    return list(kept.values())


class _Line:
    """An order line that is being answered."""

    def __init__(self, index: OrderingIndex, line: OrderLine, orderable: Orderable | None, now_ms: int) -> None:
        self._index = index
        self._line = line
        self._orderable = orderable
        self._now_ms = now_ms
        self._tariff = None if orderable is None else index.tariff(orderable, now_ms)
        self._answered: set[ItemCode] = set()
        self._offers: list[Offer] = []
        self._refused: list[UnrecognisableResult] = []
        self.places = {item: at for at, item in enumerate(orderable.items)} if orderable is not None else {}

    def take(self, found: FoundResult, verdicts: _Verdicts) -> None:
        """Take in a result, in the order in which results are to be told."""
        places = self.places
        mine = sorted((item for item in verdicts if item in places), key=places.__getitem__)
        offered = []
        against = []
        for item in mine:
            verdict = verdicts[item]
            if isinstance(verdict, OfferedItem):
                offered.append(verdict)
            else:
                against.append(_refused_item(item, verdict))
        performed_at_ms = found.content.performed_at_ms
        if offered and self._tariff is not None:
            items = {each.item for each in offered}
            self._answered |= items
            self._offers.append(_offer(self._index, found, tuple(offered), self._tariff.saving_fen(items), self._now_ms))
        if against:
            age_ms = self._now_ms - performed_at_ms
            self._refused.append(UnrecognisableResult(found.leaf, found.institution, performed_at_ms, age_ms, tuple(against)))

    def check(self) -> OrderableCheck:
        """Return the answer."""
        items = () if self._orderable is None else self._orderable.items
        missing = tuple(item for item in items if item not in self._answered)
        coverage = Coverage.NOT if not self._answered else Coverage.PARTLY if missing else Coverage.COVERED
        windows = [self._index.rules[item].window_ms for item in items if item in self._index.rules]
        return OrderableCheck(
            self._line,
            known=self._orderable is not None,
            items=items,
            coverage=coverage,
            missing=missing,
            offers=tuple(self._offers),
            unrecognisable=tuple(self._refused),
            window_days=min((each // _DAY_MS for each in windows if each is not None), default=None),
            price_fen=None if self._tariff is None else self._tariff.price_fen,
            saving_fen=0 if self._tariff is None else self._tariff.saving_fen(self._answered),
        )


@cache
def _refused_item(item: ItemCode, obstacle: Obstacle) -> RefusedItem:
    """Make a refusal; there are few different ones, and many of each."""
    return RefusedItem(item, obstacle)


def _offer(index: OrderingIndex, found: FoundResult, offered: tuple[OfferedItem, ...], saving_fen: int, now_ms: int) -> Offer:
    return Offer(
        leaf=found.leaf,
        institution=found.institution,
        own=found.institution == index.institution,
        performed_at_ms=found.content.performed_at_ms,
        age_ms=now_ms - found.content.performed_at_ms,
        items=offered,
        level=found.level,
        images_at_hand=has_images(found.content),
        reachability=found.reachability,
        saving_fen=saving_fen,
    )
