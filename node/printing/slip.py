"""The slip for the medical record (`ports.recognition.pages.SlipPages`): a recognition on half a sheet, bilingual, with a QR code.

Everything on it is in the summary that the QR code proves, but for names and how far the decision's own entry got.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from node.domain.moments import civil
from node.domain.money import yuan
from node.domain.recognition import OfferedItem
from node.domain.slip import Slip, SummarisedResult
from node.ports.recognition.pages import Page
from node.printing.bilingual import LANGUAGES, Tables, Words, make_page, pair, rows
from node.printing.qr import qr_svg
from node.recognition.warning import Names


class PrintedSlips:
    """Draws them."""

    def __init__(self, texts: Mapping[str, Tables]) -> None:
        """Take the texts, by language."""
        self._words = Words(texts, "slip")
        self._levels = Words(texts, "recognition")

    def draw(self, slip: Slip, names: Mapping[str, Names]) -> Page:
        """Draw a slip."""
        say, summary = self._words.both, slip.summary
        institution = pair(*(names[each].institutions.get(summary.institution, summary.institution) for each in LANGUAGES))
        orderable = pair(*(names[each].orderables.get(summary.line.orderable, summary.line.orderable) for each in LANGUAGES))
        clinician = " · ".join(filter(None, (summary.staff_number, summary.department)))
        facts = rows(
            [
                (say("institution"), institution),
                (say("order"), f"{orderable} ({escape(summary.line.order_id)})"),
                (say("decided"), _time(summary.decided_at_ms, names)),
                (say("clinician"), escape(clinician)),
                (say("saving"), say("yuan", lambda _: {"yuan": yuan(summary.saving_fen)})),
                (say("decision"), escape(summary.decision_id)),
                (say("entry"), self._entry(slip)),
            ]
        )
        notes = f"<p class='note'>{say('scope')}</p>{self._proof(slip)}"
        made = f"<p class='note'>{say('made')} {_time(slip.made_at_ms, names)}</p>"
        body = f"<h1>{say('title')}</h1>{facts}{self._results(slip, names)}{notes}{made}"
        return make_page(self._words.title("title"), body, "slip")

    def _results(self, slip: Slip, names: Mapping[str, Names]) -> str:
        say, checked = self._words.both, _time(slip.summary.checked_at_ms, names)
        heads = "".join(f"<th>{say(key)}</th>" for key in ("issuer", "performed", "items", "mark", "level"))
        lines = "".join(f"<tr>{''.join(self._cells(each, checked, names))}</tr>" for each in slip.summary.results)
        return f"<table class='results'><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"

    def _cells(self, result: SummarisedResult, checked: str, names: Mapping[str, Names]) -> list[str]:
        issuer = pair(*(names[each].institutions.get(result.institution, result.institution) for each in LANGUAGES))
        items = pair(*(_items(result.items, names[each]) for each in LANGUAGES))
        level = f"{self._levels.both(f'level_{result.level.value}')} ({self._words.both('as_of')} {checked})"
        return [f"<td>{cell}</td>" for cell in (issuer, _time(result.performed_at_ms, names), items, _marks(result.items), level)]

    def _entry(self, slip: Slip) -> str:
        level = self._levels.both(f"level_{slip.level.value}")
        if slip.is_witnessed:
            level += f", {self._words.both('witnessed')}"
        place = slip.entry.origin if slip.leaf_index is None else f"{slip.entry.origin} #{slip.leaf_index}"
        return f"{escape(place)} <code>{slip.entry.leaf_hash.hex()}</code> ({level})"

    def _proof(self, slip: Slip) -> str:
        say = self._words.both
        if slip.proof is None:
            return f"<p class='bad'>{say(f'lacks_{slip.lacks}')}</p>"
        return f"<div class='qr'>{qr_svg(slip.proof)}</div><p class='note'>{say('qr')}</p>"


def _items(items: tuple[OfferedItem, ...], names: Names) -> str:
    return names.separator.join(names.items.get(each.item, each.item) for each in items)


def _marks(items: tuple[OfferedItem, ...]) -> str:
    shown = {f"{each.mark} ({each.certificate})" if each.certificate else each.mark for each in items if each.mark}
    return "<br>".join(escape(each) for each in sorted(shown))


def _time(at_ms: int, names: Mapping[str, Names]) -> str:
    at = civil(at_ms, names["zh"].zone)
    return escape(f"{at:%Y-%m-%d %H:%M%z}")
