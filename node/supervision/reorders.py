"""Re-orders that say nothing: without a reason where one was due, or by silence (docs/spec/figures.md "Re-orders").

Pure. Whether a reason was due is told by what checks offered, as their entries list it, and not by the word of whoever is judged:

- a decision orders again without a reason, and the check that it names offered something of others for that line; or another
  check of that person there did, for the same orderable or item, before the decision, and it counted still;
- nobody decided on what was offered, and the same item was examined there while it counted.

A decision that was taken back is none. Whatever of check, decision and examination is read first, the findings are the same.
Left out: what a check did not list, or did not log at all: nobody's entry shows that (docs/operations/supervision-evasion.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from node.domain.entry import InstitutionId, LeafReference
from node.domain.recognition import ItemCode
from node.supervision.findings import EntryPlace, FindingCode, SupervisionFinding
from node.supervision.orders import DecidedLine, ExaminedResult, OrderHistory, ShownLine, ShownOffer, is_unreasoned

TOLERANCE_MS: Final = 5 * 60_000
"""How much the clocks of one institution may differ."""
UNKNOWN_RECHECK_MS: Final = 15 * 60_000
"""When to look again where an offered result has not been read here yet."""


class ReorderAnswer(StrEnum):
    """What a decision that gives no reason says wrongly of itself, if anything; part of the key of a finding's words."""

    CONTRADICTED = "contradicted"
    """The check that it names had offered what it says nobody offered."""
    UNNAMED = "unnamed"
    """It names another check than the one that made an offer."""


@dataclass(frozen=True, slots=True)
class OfferedFacts:
    """What supervision knows of a result that was offered."""

    performed_at_ms: int | None
    """When it was performed, unix ms; None where its header is deleted, or not here yet."""
    replaced_at_ms: int | None
    """When it was amended, withdrawn or recalled, as that entry claims, unix ms; None where it was not."""
    is_awaited: bool
    """Whether its header has not come yet."""


@dataclass
class OrderJudgement:
    """What is wrong with the order lines of a person at an institution now."""

    groups: dict[str, list[SupervisionFinding]] = field(default_factory=dict)
    """Findings by what they are about; what was found before and is found no longer has an empty list."""
    look_again_at_ms: int | None = None
    """When the passing of time alone may change that, unix ms; None for never."""

    def wait(self, at_ms: int) -> None:
        """Look again at a time, unix ms."""
        self.look_again_at_ms = at_ms if self.look_again_at_ms is None else min(self.look_again_at_ms, at_ms)


Facts = Callable[[Sequence[LeafReference]], Mapping[LeafReference, OfferedFacts]]
"""Returns what is known of offered results."""


class Reorders:
    """Judges one history."""

    def __init__(self, institution: InstitutionId, history: OrderHistory, facts: Facts) -> None:
        """Sort what was read.

        Args:
            institution: Whose order lines they are.
            history: All that was read of a person there.
            facts: Tells of offered results; asked only about those that matter.
        """
        taken_back = {each.decision for each in history.reversed}
        self._institution = institution
        self._history = history
        self._facts = facts
        self._known: dict[LeafReference, OfferedFacts] = {}
        self._shown = sorted(history.shown, key=lambda each: (each.at_ms, each.place, each.order_id), reverse=True)
        self._all = history.decided
        self._standing = [each for each in self._all if _reference(each.place) not in taken_back]
        self._awaited = False

    def judge(self, now_ms: int, grace_ms: int) -> OrderJudgement:
        """Judge what stands now.

        Args:
            now_ms: Now, unix ms.
            grace_ms: How long a decision may be read later than the examination.
        """
        judgement = OrderJudgement()
        for decided in self._all:
            if is_unreasoned(decided):
                finding = self._unreasoned(decided) if decided in self._standing else None
                judgement.groups[_group(FindingCode.REORDER_WITHOUT_REASON, decided.place)] = [] if finding is None else [finding]
        for examined in self._examinations():
            silent = self._silent(examined)
            key = _group(FindingCode.REORDERED_SILENTLY, examined.place)
            over_at_ms = examined.seen_at_ms + grace_ms
            if silent is not None and now_ms < over_at_ms:
                judgement.wait(over_at_ms)
            elif any(line.at_ms < examined.at_ms for line in self._shown):
                judgement.groups[key] = [] if silent is None else [silent]
        if self._awaited:
            judgement.wait(now_ms + UNKNOWN_RECHECK_MS)
        return judgement

    # ordered again, and no reason

    def _unreasoned(self, decided: DecidedLine) -> SupervisionFinding | None:
        named = next((line for line in self._shown if _is_named(line, decided)), None)
        if named is not None:
            answer = () if decided.is_warned else (("answer", ReorderAnswer.CONTRADICTED.value),)
            return self._finding(FindingCode.REORDER_WITHOUT_REASON, decided.place, named.place, decided.orderable, answer)
        other = next((line for line in self._shown if self._offered_before(line, decided)), None)
        if other is not None:
            answer = () if decided.is_warned else (("answer", ReorderAnswer.UNNAMED.value),)
            return self._finding(FindingCode.REORDER_WITHOUT_REASON, decided.place, other.place, decided.orderable, answer)
        if decided.is_warned:
            return self._finding(FindingCode.REORDER_WITHOUT_REASON, decided.place, None, decided.orderable)
        return None

    def _offered_before(self, line: ShownLine, decided: DecidedLine) -> bool:
        """Tell whether a check had offered, before a decision, what is ordered again, and it counted still."""
        if line.at_ms > decided.at_ms + TOLERANCE_MS:
            return False
        return any(
            self._counts(offer, item, decided.at_ms)
            for offer in line.offers
            for item, _ in offer.windows
            if line.orderable == decided.orderable or item in decided.items
        )

    # nobody decided, and it was examined

    def _examinations(self) -> Iterator[ExaminedResult]:
        """Yield each examination once, with the items of all its versions, at the place of the first."""
        versions: dict[str, list[ExaminedResult]] = {}
        for each in self._history.examined:
            versions.setdefault(each.record_id, []).append(each)
        for same in versions.values():
            first = min(same, key=lambda each: each.place)
            items = tuple(dict.fromkeys(item for each in same for item in each.items))
            yield ExaminedResult(first.place, first.record_id, items, first.at_ms, first.seen_at_ms)

    def _silent(self, examined: ExaminedResult) -> SupervisionFinding | None:
        found = [(item, line) for item in examined.items if (line := self._offered_for(item, examined.at_ms)) is not None]
        silent = [(item, line) for item, line in found if not self._is_answered(line, item, examined.at_ms)]
        if not silent:
            return None
        line = silent[0][1]
        items = (("items", ", ".join(sorted({item for item, _ in silent}))),)
        return self._finding(FindingCode.REORDERED_SILENTLY, examined.place, line.place, line.orderable, items)

    def _offered_for(self, item: ItemCode, at_ms: int) -> ShownLine | None:
        """Return the newest line before a time for which an item was offered that counts still."""
        for line in self._shown:
            if line.at_ms < at_ms and any(self._counts(offer, item, at_ms) for offer in line.offers):
                return line
        return None

    def _is_answered(self, line: ShownLine, item: ItemCode, at_ms: int) -> bool:
        """Tell whether somebody decided on what was offered, or ordered it anew where no check could answer."""
        start_ms, end_ms = line.at_ms - TOLERANCE_MS, at_ms + TOLERANCE_MS
        if any(start_ms <= each.at_ms <= end_ms and item in each.items for each in self._history.unchecked):
            return True
        for decided in self._standing:
            if _is_of_opportunity(decided, line) or (item in decided.items and start_ms <= decided.at_ms <= end_ms):
                return True
        return False

    # both

    def _counts(self, offer: ShownOffer, item: ItemCode, at_ms: int) -> bool:
        """Tell whether a result that was offered still counts for an item at a time."""
        window_ms = dict(offer.windows).get(item, 0)
        if not window_ms:
            return False
        if offer.result not in self._known:
            self._known.update(self._facts([offer.result]))
        known = self._known[offer.result]
        self._awaited = self._awaited or known.is_awaited
        if known.performed_at_ms is None or at_ms > known.performed_at_ms + window_ms:
            return False
        return known.replaced_at_ms is None or at_ms < known.replaced_at_ms

    def _finding(
        self,
        code: FindingCode,
        place: EntryPlace,
        check: EntryPlace | None,
        orderable: str,
        values: tuple[tuple[str, str], ...] = (),
    ) -> SupervisionFinding:
        entries = tuple(sorted({place, *(() if check is None else (check,))}))
        subject = f"{place.origin}#{place.leaf_index}"
        return SupervisionFinding(code, (self._institution,), subject, entries, (("orderable", orderable), *values))


def _is_of_opportunity(decided: DecidedLine, line: ShownLine) -> bool:
    """Tell whether a decision is on the opportunity of a line; where no encounter is told, each order line is one."""
    if (decided.orderable, decided.encounter) != (line.orderable, line.encounter):
        return False
    return bool(line.encounter) or decided.order_id == line.order_id


def _is_named(line: ShownLine, decided: DecidedLine) -> bool:
    return line.check_id == decided.check_id and (line.order_id == decided.order_id or line.orderable == decided.orderable)


def _reference(place: EntryPlace) -> LeafReference:
    return LeafReference(place.origin, place.leaf_hash)


def _group(code: FindingCode, place: EntryPlace) -> str:
    return f"{code} {place.origin}#{place.leaf_index}"
