"""What a regulator's node answered, as tables with headings in Chinese and English, and the charts above them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from node.cli.options import Language
from node.cli.patient.words import describe_code
from node.cli.texts import Texts, load_texts
from node.printing.charts import Bar, draw_bars
from node.printing.report_page import Cell, Section, Table
from node.supervision.contributions import WITHOUT_REASON
from node.supervision.events import LABORATORY
from node.supervision.tallies import Dimension

COUNTS: Final = (
    "opportunities",
    "recognised",
    "reordered",
    "without_reason",
    "persons",
    "persons_recognised",
    "own",
    "own_recognised",
    "unchecked",
    "reversed",
    "retrievals",
)
"""Figures that are plain counts, in the order of their columns."""

_TABLE: Final = "figures"
_BARS: Final = 40
"""Bars of a chart; what is beyond is in the table."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a node answered."""

    figures: Mapping[str, Any]
    """`/v1/supervision/figures`."""
    totals: Sequence[Mapping[str, Any]]
    """Its rows by nothing: what all groups come to, in each month; none where it was asked by nothing."""
    liaoning: Mapping[str, Any]
    """`/v1/supervision/liaoning`."""
    institutions: Sequence[Mapping[str, Any]]
    """Of `/v1/supervision/institutions`."""
    findings: Sequence[Mapping[str, Any]]
    """Open ones."""


class ReportTables:
    """Makes tables of answers."""

    def __init__(self, answers: Answers, language: Language) -> None:
        """Take what was answered, and the language that sentences of findings begin with; everything is in both."""
        self._answers = answers
        self._first = language
        self._both = [load_texts(each) for each in (Language.ZH, Language.EN)]
        self._names = {each["institution"]: each["name"] for each in answers.institutions}

    def say(self, key: str) -> str:
        """Say a heading in both languages."""
        return self._say_both(_TABLE, key)

    def notes(self) -> list[str]:
        """Return what stands below the title, in both languages."""
        computed = {"time": self._answers.figures["computed_at"]}
        return [f"{texts.say(_TABLE, 'computed', computed)} {texts.say(_TABLE, 'months')}" for texts in self._sentences()]

    def tables(self) -> list[Table]:
        """Return all tables."""
        return [self._figures(), self._delays(), self._liaoning(), self._findings()]

    def sections(self) -> list[Section]:
        """Return all tables with their charts."""
        figures, delays, liaoning, findings = self.tables()
        return [
            Section(figures, self._figure_charts()),
            Section(delays, self._delay_charts()),
            Section(liaoning),
            Section(findings, self._finding_charts()),
        ]

    def summary(self) -> list[dict[str, str]]:
        """Return the rows that fit on a screen."""
        return [
            {
                self.say("group"): f"{self._group(row, [self._first])} {row['period']}".strip(),
                self.say("item_rate"): _rate(row["item_rate"]),
                self.say("person_rate"): _rate(row["person_rate"]),
                self.say("reordered"): str(row["reordered"]),
                self.say("saving_cny"): str(_yuan(row["saving_fen"])),
                self.say("own"): str(row["own"]),
                self.say("unchecked"): str(row["unchecked"]),
                self.say("reversed"): str(row["reversed"]),
                self.say("retrievals"): str(row["retrievals"]),
            }
            for row in self._rows()
        ]

    # Tables

    def _figures(self) -> Table:
        keys = ("group", "period", "item_rate", "person_rate", *COUNTS, "saving_cny", "cancelled_cny")
        rows: list[list[Cell]] = [
            [
                self._group(row),
                row["period"],
                _percent(row["item_rate"]),
                _percent(row["person_rate"]),
                *(row[key] for key in COUNTS),
                _yuan(row["saving_fen"]),
                _yuan(row["cancelled_fen"]),
            ]
            for row in self._rows()
        ]
        return Table("figures", self.say("figures"), tuple(map(self.say, keys)), rows)

    def _delays(self) -> Table:
        keys = ("institution", "period", "entries", "median_s", "p95_s", "longest_s")
        rows = [
            [self._name(row["institution"] or ""), *(row[key] for key in keys[1:])]
            for row in self._answers.figures["time_to_anchor"]
        ]
        return Table("time_to_anchor", self.say("time_to_anchor"), tuple(map(self.say, keys)), rows)

    def _liaoning(self) -> Table:
        keys = ["institution", "institution_class", "national_eqa_items", "provincial_eqa_items", "imaging_qc_items"]
        form = self._answers.liaoning["rows"]
        modalities = [count["modality"] for count in form[0]["counts"]] if form else []
        headings = [*map(self.say, [*keys, "recognition_required"])]
        headings += [
            f"{self._modality(modality)} {self.say(what)}" for modality in modalities for what in ("recognised", "saving_cny")
        ]
        headings += map(self.say, ("recognised", "saving_cny", "retrievals"))
        rows: list[list[Cell]] = []
        for row in form:
            required = {True: self.say("yes"), False: self.say("no"), None: ""}[row["recognition_required"]]
            counted = [cell for count in row["counts"] for cell in (count["recognised"], _yuan(count["saving_fen"]))]
            called = row["institution_class"] if row["class_name"] is None else f"{row['class_name']} {row['class_name_en']}"
            plain = [called, *(row[key] for key in keys[2:])]
            rows.append([row["name"], *plain, required, *counted, row["recognised"], _yuan(row["saving_fen"]), row["retrievals"]])
        return Table("liaoning", self.say("liaoning"), tuple(headings), rows)

    def _findings(self) -> Table:
        keys = ("severity", "found", "institutions", "evidence", "raised_at")
        rows: list[list[Cell]] = [
            [
                self._say_both("finding", f"severity_{each['severity']}"),
                " / ".join(describe_code(each["code"], each["values"], texts) for texts in self._sentences()),
                ", ".join(map(self._name, each["institutions"])),
                ", ".join(f"{place['origin']} #{place['leaf_index']} {place['leaf_hash'][:16]}" for place in each["entries"]),
                each["raised_at"],
            ]
            for each in self._answers.findings
        ]
        return Table("findings", self.say("findings"), tuple(map(self.say, keys)), rows)

    # Charts

    def _figure_charts(self) -> list[tuple[str, str]]:
        rows = self._answers.figures["rows"][:_BARS]
        rates = [
            Bar(self._label(row), row["opportunities"], _rate(row["item_rate"]), row["recognised"])
            for row in rows
            if row["opportunities"]
        ]
        savings = [Bar(self._label(row), row["saving_fen"], f"CNY {_yuan(row['saving_fen'])}") for row in rows if row["saving_fen"]]
        return self._drawn(("item_rate", rates), ("saving_cny", savings))

    def _delay_charts(self) -> list[tuple[str, str]]:
        rows = self._answers.figures["time_to_anchor"][:_BARS]
        return self._drawn(
            (
                "p95_s",
                [Bar(f"{self._name(row['institution'] or '')} {row['period']}", row["p95_s"], f"{row['p95_s']} s") for row in rows],
            )
        )

    def _finding_charts(self) -> list[tuple[str, str]]:
        found = Counter(each["code"] for each in self._answers.findings)
        counted = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
        bars = [Bar(self._finding_name(code), count, str(count)) for code, count in counted]
        return self._drawn(("findings", bars))

    def _drawn(self, *charts: tuple[str, Sequence[Bar]]) -> list[tuple[str, str]]:
        return [(self.say(key), draw_bars(self.say(key), bars)) for key, bars in charts if bars]

    # Words

    def _say_both(self, table: str, key: str) -> str:
        return " ".join(dict.fromkeys(texts.say(table, key) for texts in self._both))

    def _finding_name(self, code: str) -> str:
        try:
            return self._say_both("finding_name", code)
        except KeyError:
            return code  # a kind of a newer release

    def _sentences(self) -> list[Texts]:
        return self._both if self._first is Language.ZH else self._both[::-1]

    def _rows(self) -> Iterator[Mapping[str, Any]]:
        """Return the groups, and below them what they come to."""
        yield from self._answers.figures["rows"]
        yield from self._answers.totals

    def _group(self, row: Mapping[str, Any], languages: Sequence[Language] = (Language.ZH, Language.EN)) -> str:
        """Say a group by its name, else by its word, else as it is."""
        if row["name"] is not None:
            return " ".join(dict.fromkeys(row["name" if each is Language.ZH else "name_en"] for each in languages))
        value, by = row["value"], self._answers.figures["by"]
        if by == Dimension.REASON.value and value:
            if value == WITHOUT_REASON:
                return self.say("no_reason")
            key = value.rpartition("/")[2]
            known = all(texts.find("reason", key) for texts in self._both)
            return f"{value} {self._say_both('reason', key)}" if known else value
        return self._modality(value) if by == Dimension.MODALITY.value and value else self._name(value)

    def _modality(self, value: str) -> str:
        return self.say("laboratory") if value == LABORATORY else value

    def _name(self, institution: str) -> str:
        """Say an institution by its name, everything by its word."""
        return self._names.get(institution, institution) if institution else self.say("everything")

    def _label(self, row: Mapping[str, Any]) -> str:
        return f"{self._group(row)} {row['period']}".strip()


def _rate(rate: Mapping[str, int]) -> str:
    if not rate["denominator"]:
        return "-"
    return f"{rate['numerator']} / {rate['denominator']} ({_percent(rate)} %)"


def _percent(rate: Mapping[str, int]) -> float | None:
    return round(100 * rate["numerator"] / rate["denominator"], 1) if rate["denominator"] else None


def _yuan(fen: int) -> Decimal:
    return Decimal(fen).scaleb(-2)
