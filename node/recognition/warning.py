"""The words of a check: what the clinician reads in the pop-up, in one language, from `node/texts` and the documents.

Pure: texts and names are given. Left out: how they are shown (a HIS, CDS Hooks cards, a printed slip).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from node.domain.entry import InstitutionId
from node.domain.moments import civil
from node.domain.money import yuan
from node.domain.recognition import (
    CheckOutcome,
    Coverage,
    ItemCode,
    Obstacle,
    Offer,
    OrderableCheck,
    OrderableCode,
    UnmappedResult,
    UnrecognisableResult,
)
from node.recognition.index import OrderingIndex

MAX_SHOWN: Final = 3
"""Offers and refusals that are spelled out for one order line; the rest is counted."""

_DAY_MS: Final = 86_400_000

Tables = Mapping[str, Mapping[str, str]]
"""The texts of one language: table, key, words."""


@dataclass(frozen=True, slots=True)
class Names:
    """How things are called in one language."""

    items: Mapping[ItemCode, str]
    """Items."""
    orderables: Mapping[OrderableCode, str]
    """What the institution orders."""
    institutions: Mapping[InstitutionId, str]
    """Institutions."""
    zone: tzinfo
    """The civil time in which days are told."""
    separator: str
    """What stands between the members of a list."""


def chinese_names(index: OrderingIndex) -> Names:
    """Return the Chinese names."""
    return Names(
        {rule.item.code: rule.item.zh for rule in index.rules.values()},
        {each.code: each.zh for each in index.orderables.values()},
        {profile.institution: profile.zh for profile in index.shared.profiles.values()},
        index.zone,
        "、",
    )


def english_names(index: OrderingIndex) -> Names:
    """Return the English names."""
    return Names(
        {rule.item.code: rule.item.en for rule in index.rules.values()},
        {each.code: each.en for each in index.orderables.values()},
        {profile.institution: profile.en for profile in index.shared.profiles.values()},
        index.zone,
        ", ",
    )


def warning_lines(outcome: CheckOutcome, names: Names, texts: Tables) -> tuple[str, ...]:
    """Spell an outcome, one line after the other; nothing where nothing was found."""
    lines = [line for check in outcome.lines for line in _order_line(check, names, texts)]
    return (*lines, *_cut([_unmapped(each, names, texts) for each in outcome.unmapped], texts))


def _order_line(check: OrderableCheck, names: Names, texts: Tables) -> list[str]:
    words = texts["recognition"]
    lines = []
    if check.coverage is not Coverage.NOT:
        head = {
            "orderable": names.orderables.get(check.line.orderable, check.line.orderable),
            "missing": _items(check.missing, names),
        }
        lines.append(words[check.coverage.value].format_map(head))
        lines += _cut([_offer(offer, names, texts) for offer in check.offers], texts)
        if check.price_fen is not None and check.saving_fen:
            lines.append(words["saving"].format(yuan=yuan(check.saving_fen), price=yuan(check.price_fen)))
        lines.append(words["question"].format(days=check.window_days))
    return lines + _cut([_refused(each, names, texts) for each in check.unrecognisable], texts)


def _offer(offer: Offer, names: Names, texts: Tables) -> str:
    words = texts["recognition"]
    marks = words["own"] if offer.own else names.separator.join(offer.marks) or words["no_mark_needed"]
    return words["offer"].format(
        date=_day(offer.performed_at_ms, names),
        age=_age(max(0, offer.age_ms) // _DAY_MS, words),
        institution=names.institutions.get(offer.institution, offer.institution),
        marks=marks,
        level=words[f"level_{offer.level.value}"],
        images=words["images"] if offer.images_at_hand else "",
        reach=words[f"reach_{offer.reachability.value}"],
        items=_items([each.item for each in offer.items], names),
        yuan=yuan(offer.saving_fen),
    )


def _age(days: int, words: Mapping[str, str]) -> str:
    return words[f"age_{days}" if days <= 1 else "age"].format(days=days)


def _refused(result: UnrecognisableResult, names: Names, texts: Tables) -> str:
    by_obstacle: dict[Obstacle, list[ItemCode]] = {}
    for each in result.items:
        by_obstacle.setdefault(each.obstacle, []).append(each.item)
    words = texts["recognition"]
    reasons = [
        words["refused_items"].format(reason=texts["obstacle"][obstacle.value], items=_items(items, names))
        for obstacle, items in by_obstacle.items()
    ]
    return words["refused"].format(
        date=_day(result.performed_at_ms, names),
        institution=names.institutions.get(result.institution, result.institution),
        reasons=names.separator.join(reasons),
    )


def _unmapped(result: UnmappedResult, names: Names, texts: Tables) -> str:
    return texts["recognition"]["unmapped"].format(
        date=_day(result.performed_at_ms, names),
        institution=names.institutions.get(result.institution, result.institution),
        count=len(result.codes),
    )


def _cut(lines: Sequence[str], texts: Tables) -> list[str]:
    rest = len(lines) - MAX_SHOWN
    return [*lines[:MAX_SHOWN], *([texts["recognition"]["more"].format(count=rest)] if rest > 0 else [])]


def _items(items: Sequence[ItemCode], names: Names) -> str:
    return names.separator.join(names.items.get(item, item) for item in items)


def _day(at_ms: int, names: Names) -> str:
    return civil(at_ms, names.zone).date().isoformat()
