"""Read the proved parts of a result for people: DiagnosticReport, Observations, ImagingStudies (FHIR R4).

Values are shown as they were written: numbers keep their digits, times their zone. Lenient where a record was accepted with
what it has: what cannot be read is counted, never guessed. Left out: images, attachments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from node.domain.verdict import ProvedPart
from node.domain.viewing import DisplayedRecord, MeasuredValue, StudyFacts

RESULT_ROLES: Final = frozenset({"report", "observation", "imaging-study"})
"""Roles of parts that are read; the others tell who and where."""

_INTERPRETATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
"""How a laboratory rates a value: `H`, `LL`, `POS` and the like."""
_NONE: Final = msgspec.Raw(b"")


class _Lenient(msgspec.Struct, rename="camel"):
    """Members that are not named are passed over."""


class _Coding(_Lenient):
    system: str = ""
    code: str = ""
    display: str = ""


class _Concept(_Lenient):
    text: str = ""
    coding: list[_Coding] = []


class _Quantity(_Lenient):
    value: msgspec.Raw = _NONE
    comparator: str = ""
    unit: str = ""
    code: str = ""


class _Range(_Lenient):
    low: _Quantity | None = None
    high: _Quantity | None = None
    text: str = ""


class _Ratio(_Lenient):
    numerator: _Quantity = msgspec.field(default_factory=_Quantity)
    denominator: _Quantity = msgspec.field(default_factory=_Quantity)


class _Period(_Lenient):
    start: str = ""
    end: str = ""


class _Measured(_Lenient):
    code: _Concept = msgspec.field(default_factory=_Concept)
    value_quantity: _Quantity | None = None
    value_codeable_concept: _Concept | None = None
    value_string: str | None = None
    value_integer: int | None = None
    value_boolean: bool | None = None
    value_range: _Range | None = None
    value_ratio: _Ratio | None = None
    value_date_time: str | None = None
    value_time: str | None = None
    data_absent_reason: _Concept | None = None
    interpretation: list[_Concept] = []
    reference_range: list[_Range] = []


class _Observation(_Measured):
    effective_date_time: str = ""
    effective_instant: str = ""
    effective_period: _Period = msgspec.field(default_factory=_Period)
    component: list[_Measured] = []


class _Identifier(_Lenient):
    system: str = ""
    value: str = ""


class _Series(_Lenient):
    body_site: _Coding = msgspec.field(default_factory=_Coding)
    modality: _Coding = msgspec.field(default_factory=_Coding)


class _Study(_Lenient):
    description: str = ""
    procedure_code: list[_Concept] = []
    modality: list[_Coding] = []
    started: str = ""
    number_of_series: int | None = None
    number_of_instances: int | None = None
    identifier: list[_Identifier] = []
    series: list[_Series] = []


class _Report(_Lenient):
    code: _Concept = msgspec.field(default_factory=_Concept)
    status: str = ""
    effective_date_time: str = ""
    effective_period: _Period = msgspec.field(default_factory=_Period)
    issued: str = ""
    conclusion: str = ""
    conclusion_code: list[_Concept] = []


def display_record(parts: Iterable[ProvedPart]) -> DisplayedRecord:
    """Read a record's proved parts."""
    report = _Report()
    values: list[MeasuredValue] = []
    studies: list[StudyFacts] = []
    unread = 0
    for part in parts:
        if part.role not in RESULT_ROLES:
            continue
        try:
            if part.role == "report":
                report = msgspec.json.decode(part.content, type=_Report)
            elif part.role == "observation":
                values += _values(msgspec.json.decode(part.content, type=_Observation))
            else:
                studies.append(_study(msgspec.json.decode(part.content, type=_Study)))
        except (msgspec.DecodeError, UnicodeDecodeError):
            unread += 1
    conclusion = report.conclusion or ", ".join(filter(None, map(_words, report.conclusion_code)))
    title = _words(report.code) or next((study.description for study in studies), "")
    performed = report.effective_date_time or report.effective_period.start
    return DisplayedRecord(title, report.status, performed, report.issued, tuple(values), tuple(studies), conclusion, unread)


def _values(observation: _Observation) -> Iterator[MeasuredValue]:
    at = observation.effective_date_time or observation.effective_instant or observation.effective_period.start
    name = _words(observation.code)
    value, unit = _value(observation)
    if value or not observation.component:
        yield _measured(observation, name, value, unit, at)
    for each in observation.component:
        value, unit = _value(each)
        yield _measured(each, f"{name} · {_words(each.code)}", value, unit, at)


def _measured(measured: _Measured, name: str, value: str, unit: str, at: str) -> MeasuredValue:
    reference = "; ".join(filter(None, (_range(each) for each in measured.reference_range)))
    flag = ", ".join(filter(None, map(_words, measured.interpretation)))
    coding = next((each for each in measured.code.coding if each.code), _Coding())
    codes = (each.code for concept in measured.interpretation for each in concept.coding if each.system == _INTERPRETATION)
    return MeasuredValue(name, value, unit, reference, flag, at, (coding.system, coding.code), flag_codes=tuple(codes))


def _value(measured: _Measured) -> tuple[str, str]:
    if measured.value_quantity is not None:
        return _number(measured.value_quantity), measured.value_quantity.unit or measured.value_quantity.code
    plain = (measured.value_string, measured.value_integer, measured.value_date_time, measured.value_time)
    told = next((str(each) for each in plain if each is not None), "")
    if measured.value_codeable_concept is not None:
        told = _words(measured.value_codeable_concept)
    elif measured.value_boolean is not None:
        told = "true" if measured.value_boolean else "false"
    elif measured.value_range is not None:
        told = _range(measured.value_range)
    elif measured.value_ratio is not None:
        told = f"{_number(measured.value_ratio.numerator)} : {_number(measured.value_ratio.denominator)}"
    elif measured.data_absent_reason is not None:
        told = f"— ({_words(measured.data_absent_reason)})"
    return told, ""


def _number(quantity: _Quantity) -> str:
    # the digits as they are in the document: 4.20 is not 4.2
    return quantity.comparator + bytes(quantity.value).decode()


def _range(found: _Range) -> str:
    if found.text:
        return found.text
    low = "" if found.low is None else _number(found.low)
    high = "" if found.high is None else _number(found.high)
    if low and high:
        return f"{low} - {high}"
    return f"≥ {low}" if low else f"≤ {high}" if high else ""


def _study(study: _Study) -> StudyFacts:
    modality = [each.code or each.display for each in (*study.modality, *(series.modality for series in study.series))]
    sites = [each.body_site.display or each.body_site.code for each in study.series]
    names = [each.value for each in study.identifier if each.value]
    return StudyFacts(
        description=study.description or ", ".join(filter(None, map(_words, study.procedure_code))),
        modality=", ".join(dict.fromkeys(filter(None, modality))),
        body_site=", ".join(dict.fromkeys(filter(None, sites))),
        started=study.started,
        series="" if study.number_of_series is None else str(study.number_of_series),
        instances="" if study.number_of_instances is None else str(study.number_of_instances),
        identifiers=tuple(dict.fromkeys(names)),
    )


def _words(concept: _Concept) -> str:
    first = next((each for each in concept.coding if each.display or each.code), None)
    return concept.text or ("" if first is None else first.display or first.code)
