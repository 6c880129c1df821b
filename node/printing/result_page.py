"""The pages of one-time links (`ports.recognition.pages.ViewPages`): a button, what it showed, or why it opens nothing."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final

from node.domain.moments import civil
from node.domain.recognition import Offer
from node.domain.verdict import Verdict
from node.domain.viewing import DisplayedRecord, MeasuredValue, ViewedLine, ViewedResult, ViewState
from node.ports.recognition.pages import Page
from node.printing.bilingual import LANGUAGES, Tables, Words, make_page, pair, rows
from node.recognition.warning import Names

_CRITICAL: Final = frozenset({"HH", "LL", "AA"})
"""Codes of HL7's ObservationInterpretation for critical values (危急值)."""


class ResultPages:
    """Draws them."""

    def __init__(self, texts: Mapping[str, Tables]) -> None:
        """Take the texts, by language."""
        self._words = Words(texts, "view")
        self._report = Words(texts, "report")
        self._flags, self._statuses = Words(texts, "flag"), Words(texts, "status")
        self._reasons = {language: texts[language].get("denial", {}) for language in LANGUAGES}

    def ask(self) -> Page:
        """Draw the page with the button."""
        say = self._words.both
        form = f'<form method="post"><button type="submit">{say("open")}</button></form>'
        body = f"<h1>{say('title')}</h1><p>{say('once')}</p>{form}<p class='note'>{say('logged')}</p>"
        return make_page(self._words.title("title"), body)

    def refuse(self, why: str) -> Page:
        """Draw the page of a link that opens nothing."""
        say = self._words.both
        body = f"<h1>{say('title')}</h1><div class='bad'><p>{say(f'link_{why}')}</p></div>{self._what_to_do()}"
        return make_page(self._words.title("title"), body)

    def show(self, view: ViewedLine, names: Mapping[str, Names]) -> Page:
        """Draw what a link shows."""
        say, orderable = self._words.both, view.line.orderable
        called = pair(*(names[language].orderables.get(orderable, orderable) for language in LANGUAGES))
        results = "".join(self._result(each, names) for each in view.results)
        shown = any(each.state is ViewState.SHOWN for each in view.results)
        missing = any(each.state is not ViewState.SHOWN for each in view.results)
        decide = f"<p>{say('decide', lambda _: {'check': view.check_id})}</p>" if shown else ""
        whose = rows([(say("patient"), escape(view.patient)), (say("order"), f"{called} ({escape(view.line.order_id)})")])
        body = f"<h1>{say('title')}</h1>{whose}{results}{decide}"
        return make_page(self._words.title("title"), body + self._what_to_do(unretrievable=missing))

    def _what_to_do(self, *, unretrievable: bool = False) -> str:
        say = self._words.both
        reorder = f"<li>{say('reorder')}</li>" if unretrievable else ""
        return f"<h2>{say('what_to_do')}</h2><ul>{reorder}<li>{say('again')}</li><li>{say('break_glass')}</li></ul>"

    def _result(self, result: ViewedResult, names: Mapping[str, Names]) -> str:
        offer, say = result.offer, self._words.both
        issuer = pair(*(names[language].institutions.get(offer.institution, offer.institution) for language in LANGUAGES))
        facts = [(say("issuer"), issuer), (say("performed"), _time(offer.performed_at_ms, names)), (say("mark"), _marks(offer))]
        facts.append((say("items"), _items(offer, names)))
        if result.verdict is None or result.record is None:
            told = f"<p>{say(f'state_{result.state.value}')}</p>{self._denial(result.reason)}"
            return f"<section class='bad'><h2>{issuer}</h2>{told}{rows(facts)}</section>"
        facts += self._verdict(result.verdict, offer, names)
        return f"<section class='good'><h2>{issuer}</h2>{rows(facts)}{self._record(result.record, names)}</section>"

    def _denial(self, reason: str) -> str:
        told = [self._reasons[language].get(reason) for language in LANGUAGES]
        words = pair(told[0], told[1]) if told[0] and told[1] else escape(reason)
        return f"<p>{self._words.both('reason')}: {words}</p>" if reason else ""

    def _verdict(self, verdict: Verdict, offer: Offer, names: Mapping[str, Names]) -> list[tuple[str, str]]:
        say = self._words.both
        level = "witnessed" if verdict.witnessed and verdict.level.value != "anchored" else verdict.level.value
        at = {language: f"{verdict.as_of.astimezone(names[language].zone):%Y-%m-%d %H:%M:%S%z}" for language in LANGUAGES}
        basis = f"{escape(at['zh'])} ({self._report.both(f'basis_{verdict.as_of_basis.value}')})"
        place = f"{verdict.origin} #{verdict.leaf_index}"
        return [
            (say("verified"), say("verified_yes", lambda _: {"serial": verdict.trust_root_serial})),
            (say("level"), self._report.both(f"level_{level}")),
            (say("own_index"), self._report.both(f"level_{offer.level.value}") if offer.level.value != "stored" else ""),
            (say("as_of"), basis),
            (say("entry"), escape(place)),
            (say("version"), f"{verdict.version} ({self._statuses.find(verdict.status) or escape(verdict.status)})"),
        ]

    def _record(self, record: DisplayedRecord, names: Mapping[str, Names]) -> str:
        say = self._words.both
        facts = [(say("performed"), escape(record.performed)), (say("issued"), escape(record.issued))]
        shown = f"<h2>{escape(record.title)}</h2>{rows(facts)}"
        if record.values:
            heads = "".join(f"<th>{say(key)}</th>" for key in ("name", "value", "unit", "reference", "flag", "measured"))
            lines = "".join(
                f"<tr><td>{_name(each, names)}</td>"
                f"{_cells(each.value, each.unit, each.reference)}<td>{self._flag(each)}</td>{_cells(each.measured_at)}</tr>"
                for each in record.values
            )
            shown += f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"
        for study in record.studies:
            shown += rows(
                [
                    (say("study"), escape(study.description)),
                    (say("modality"), escape(study.modality)),
                    (say("body_site"), escape(study.body_site)),
                    (say("measured"), escape(study.started)),
                    (say("series"), escape(study.series)),
                    (say("instances"), escape(study.instances)),
                    (say("identifiers"), escape(", ".join(study.identifiers))),
                ]
            )
        if record.conclusion:
            shown += f"<p class='note'>{say('conclusion')}</p><blockquote class='note'>{escape(record.conclusion)}</blockquote>"
        unread = record.unread
        return shown + (f"<p class='bad'>{say('unread', lambda _: {'count': unread})}</p>" if unread else "")

    def _flag(self, value: MeasuredValue) -> str:
        """Say how a value is rated, a critical one so that nobody overlooks it, with the issuer's own word."""
        known = [said for code in value.flag_codes if (said := self._flags.find(code)) is not None]
        if not known:
            return escape(value.flag)
        shown = f"{'; '.join(known)} <span class='note'>({escape(value.flag)})</span>"
        return f"<span class='critical'>{shown}</span>" if _CRITICAL.intersection(value.flag_codes) else shown


def _name(value: MeasuredValue, names: Mapping[str, Names]) -> str:
    """Return the catalogue's names of an item with the issuer's own, or that alone."""
    if value.item is None:
        return escape(value.name)
    known = pair(*(names[language].items.get(value.item, value.item) for language in LANGUAGES))
    return f"{known} <span class='note'>({escape(value.name)})</span>"


def _cells(*values: str) -> str:
    return "".join(f"<td>{escape(value)}</td>" for value in values)


def _marks(offer: Offer) -> str:
    shown = {f"{each.mark} ({each.certificate})" if each.certificate else each.mark for each in offer.items if each.mark}
    return escape(", ".join(sorted(shown)))


def _items(offer: Offer, names: Mapping[str, Names]) -> str:
    told = (names[each].separator.join(names[each].items.get(item.item, item.item) for item in offer.items) for each in LANGUAGES)
    return pair(*told)


def _time(at_ms: int, names: Mapping[str, Names]) -> str:
    at = civil(at_ms, names["zh"].zone)
    return escape(f"{at:%Y-%m-%d %H:%M%z}")
