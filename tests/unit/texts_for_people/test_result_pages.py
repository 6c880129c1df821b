"""What a clinician reads of a retrieved result: critical values stand out, and codes are said in words."""

from __future__ import annotations

from datetime import UTC

import pytest

from node.bootstrap.catalogue import read_texts
from node.domain.viewing import DisplayedRecord, MeasuredValue
from node.printing.result_page import ResultPages
from node.recognition.warning import Names

PAGES = ResultPages(read_texts())
NAMES = {language: Names({}, {}, {}, UTC, "、") for language in ("zh", "en")}


def drawn(flag: str, *codes: str) -> str:
    value = MeasuredValue("Potassium", "7.9", "mmol/L", "3.5 - 5.1", flag, "", ("", ""), flag_codes=codes)
    return PAGES._record(DisplayedRecord("Electrolytes", "final", "", "", (value,), (), "", 0), NAMES)


@pytest.mark.parametrize(
    ("code", "zh", "en"), [("HH", "危急值（过高）", "CRITICAL, high"), ("LL", "危急值（过低）", "CRITICAL, low")]
)
def test_a_critical_value_is_called_one_in_both_languages_and_stands_out(code: str, zh: str, en: str) -> None:
    page = drawn("panic", code)
    assert zh in page
    assert en in page
    assert "class='critical'" in page
    assert "(panic)" in page


def test_what_is_high_is_not_critical() -> None:
    page = drawn("High", "H")
    assert "偏高" in page
    assert "critical" not in page


def test_a_rating_without_a_known_code_is_shown_as_it_was_written() -> None:
    assert "<td>seen &amp; noted</td>" in drawn("seen & noted")
    assert "<td>odd</td>" in drawn("odd", "X9")
