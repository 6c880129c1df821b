"""What a simulated region is made of: every number that the model draws with, and where it comes from (pure).

Scales are those of the field: 86 hospitals of Guangzhou, 499 institutions of Longhua with 7.5 million visits a year. What
was not read anywhere is marked (m): made up, and to be changed at will.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from node.domain.recognition import ClassCode, OrderableCode, RegionCode

_ANOTHER_CITY: Final = RegionCode("CN-4201")


@dataclass(frozen=True, slots=True)
class ClassShare:
    """Institutions of one class."""

    institution_class: ClassCode
    """The class, as the table of regions has it."""
    count: int
    """How many."""
    visits: float
    """Weight of the visits to one of them (m)."""
    certified: float
    """Share of its items for which one of them holds a certificate (m)."""
    campuses: tuple[str, ...] = ()
    """Campuses that its checks name; none where it has one site (m)."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What clinicians do with an offer (m); the rest orders again with one of the six reasons."""

    recognise: float = 0.55
    """Share of offers that are recognised."""
    without_reason: float = 0.01
    """Share of offers in spite of which something is ordered again without a reason, where a rule only warns."""
    undecided: float = 0.04
    """Share of offers that nobody decides on; the order goes ahead."""
    reversed_later: float = 0.04
    """Share of decisions that are taken back, after which the order goes ahead."""
    performed_anyway: float = 0.03
    """Share of recognitions after which the item is examined all the same: the saving is cancelled."""
    unchecked: float = 0.02
    """Share of ordering visits whose check has no answer in time."""


@dataclass(frozen=True, slots=True)
class Movement:
    """How patients come back and move (m)."""

    more_visits: float = 0.6
    """How likely one more ordering visit follows in the same course of a disease."""
    max_visits: int = 5
    """Ordering visits of one course at the most."""
    gap_days: tuple[int, int] = (1, 24)
    """Days between two visits of a course."""
    night: float = 0.06
    """Share of visits between midnight and eight in the morning, when the day is another one elsewhere."""
    moves: float = 0.6
    """How likely the next visit is at another institution."""
    orders_again: float = 0.75
    """How likely an orderable of the last visit is ordered again."""
    second_orderable: float = 0.35
    """How likely a visit orders a second thing."""
    preliminary: float = 0.04
    """Share of results whose first report is preliminary, and cannot be recognised."""


@dataclass(frozen=True, slots=True)
class Revising:
    """What becomes of reports after they were filed (m)."""

    becomes_final: float = 0.5
    """Share of preliminary reports that become final; the others stay as they are."""
    corrected: float = 0.012
    """Share of reports that are corrected; corrected ones are corrected again as often."""
    withdrawn: float = 0.005
    """Share of reports that are taken back, as often once they were corrected."""
    doubted: float = 0.12
    """Share of retrieved reports of which the reader asks whether they are right: they are corrected or taken back then."""
    doubt_upheld: float = 0.4
    """Share of these that are taken back; the others are corrected."""
    after_days: tuple[int, int] = (1, 30)
    """Days until any of this."""
    names_lot: float = 0.4
    """Share of laboratory reports that name their analyser and the reagent lot."""
    lot_days: int = 60
    """How long a lot lasts at an institution."""
    recalls: int = 7
    """Recalls of the year: of a lot, of an analyser, of an item, in turns."""
    recalled_days: tuple[int, int] = (35, 20)
    """Days of examinations before and after the announcement that a recall is about."""
    lifted: float = 0.5
    """Share of recalls that are lifted."""
    lifted_after_days: tuple[int, int] = (16, 70)
    """Days until then."""
    remeasured: float = 0.3
    """Share of reports under the recall of a lot that are filed again from another lot."""


@dataclass(frozen=True, slots=True)
class Diligence:
    """What is done about notices (m)."""

    prompt: float = 0.6
    """Share of notices after which the list is worked soon."""
    late: float = 0.25
    """Share of notices after which the list is worked late, so that supervision finds first what rests on them; the others wait
    until something else lets the list be worked."""
    prompt_days: tuple[int, int] = (1, 9)
    """Days until then."""
    late_days: tuple[int, int] = (50, 120)
    """Days until then."""
    only_noted: float = 0.3
    """Share of these times at which notices are acknowledged, and nothing is taken back."""
    after_amendment: float = 0.5
    """Share of the other times at which decisions that rest on a corrected report are taken back, too."""
    looks: float = 0.1
    """Share of re-orders before which somebody looks at the newest result that is offered."""
    looks_preliminary: float = 0.4
    """Share of visits that look at a preliminary result of another institution, where there is one."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What changes in the documents within the year (m)."""

    prices_from: tuple[int, int] = (7, 1)
    """Month and day from which prices are others."""
    prices_percent: int = 90
    """The later prices, in per cent of the earlier ones."""
    certificates_begin: float = 0.08
    """Share of certificates that are valid from some day of the year on only."""
    certificates_end: float = 0.08
    """Share of certificates that end on some day of the year."""
    certificates_elsewhere: float = 0.04
    """Share of certificates that are another city's: their marks do not count here."""


@dataclass(frozen=True, slots=True)
class RegionConfig:
    """One region."""

    name: str
    """Its name at the command line."""
    region: RegionCode
    """Its code in the table of regions."""
    districts: tuple[str, ...]
    """Its districts; a hosting node serves several."""
    classes: tuple[ClassShare, ...]
    """Its institutions."""
    ordering_share: float
    """Share of visits that order something recognisable; the others leave no entry (m)."""
    orderables: Mapping[OrderableCode, float]
    """What is ordered, and how often (m)."""
    visits_a_year: int | None
    """How many visits the real region has, where that is known."""
    hosts: int = 2
    """Nodes that host the institutions; the regulator has one of its own."""
    year: int = 2026
    """The civil year that is simulated."""
    visits_a_person: float = 6.0
    """Visits of one person in a year (m)."""
    period_days: int = 7
    """How often logs are signed, and followed by the institutions' nodes: what is examined is found from the next period on."""
    regulator_periods: int = 4
    """Every how many periods the regulator follows, reads and pairs."""
    behaviour: Behaviour = Behaviour()
    """What clinicians do."""
    movement: Movement = Movement()
    """What patients do."""
    changes: Changes = Changes()
    """What changes in the documents."""
    elsewhere: RegionCode = _ANOTHER_CITY
    """Another city."""
    revising: Revising = Revising()
    """What becomes of reports."""
    diligence: Diligence = Diligence()
    """What is done about that."""
    withdrawn_grace_days: int = 7
    """How long a recognition may stand after what it uses was withdrawn, before it is a finding."""

    @property
    def institutions(self) -> int:
        """Return how many institutions there are."""
        return sum(each.count for each in self.classes)


_ORDERABLES: Final = {
    OrderableCode("CBC"): 0.30,
    OrderableCode("LIVER"): 0.14,
    OrderableCode("RENAL"): 0.12,
    OrderableCode("LIPID"): 0.12,
    OrderableCode("ELECTRO"): 0.08,
    OrderableCode("I-DR-CHEST"): 0.08,
    OrderableCode("I-US-ABD"): 0.08,
    OrderableCode("I-CT-CHEST"): 0.05,
    OrderableCode("I-MR-BRAIN"): 0.03,
}

GUANGZHOU: Final = RegionConfig(
    name="guangzhou",
    region=RegionCode("CN-4401"),
    districts=("yuexiu", "haizhu", "liwan", "tianhe", "baiyun", "huangpu", "panyu", "huadu", "nansha", "conghua", "zengcheng"),
    classes=(
        ClassShare(ClassCode("3A"), 38, 6.0, 0.95, ("main", "east")),
        ClassShare(ClassCode("3-PUBLIC"), 14, 4.0, 0.9),
        ClassShare(ClassCode("3-PRIVATE"), 6, 2.0, 0.8),
        ClassShare(ClassCode("2-PUBLIC"), 18, 2.0, 0.75),
        ClassShare(ClassCode("2-PRIVATE"), 10, 1.0, 0.6),
    ),
    ordering_share=0.10,
    orderables=_ORDERABLES,
    visits_a_year=None,
)
"""86 hospitals; how many of each class is (m)."""

LONGHUA: Final = RegionConfig(
    name="longhua",
    region=RegionCode("CN-440309"),
    districts=("minzhi", "longhua", "dalang", "fucheng", "guanhu", "guanlan"),
    classes=(
        ClassShare(ClassCode("3A"), 3, 120.0, 0.95, ("main", "east")),
        ClassShare(ClassCode("3-PUBLIC"), 3, 80.0, 0.9),
        ClassShare(ClassCode("2-PUBLIC"), 3, 40.0, 0.8),
        ClassShare(ClassCode("2-PRIVATE"), 14, 12.0, 0.6),
        ClassShare(ClassCode("1"), 476, 1.0, 0.3),
    ),
    ordering_share=0.08,
    orderables=_ORDERABLES,
    visits_a_year=7_500_000,
)
"""499 institutions, most of them primary care; how many of each class is (m)."""

REGIONS: Final = {each.name: each for each in (GUANGZHOU, LONGHUA)}
