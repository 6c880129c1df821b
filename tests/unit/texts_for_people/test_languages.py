"""The texts for people: both languages say the same things, and Chinese is written as Chinese is."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from string import Formatter

import pytest

from node.wire.catalogue.documents import PACKAGED_CATALOGUE, PACKAGED_MAPS

TEXTS = {
    language: tomllib.loads(resources.files("node").joinpath("texts", f"{language}.toml").read_text(encoding="utf-8"))
    for language in ("zh", "en")
}
WORDS = tomllib.loads(resources.files("devnet.demo").joinpath("words.toml").read_text(encoding="utf-8"))
HALF_WIDTH = re.compile(r"[\u4e00-\u9fff}][,;:!?(]|[,;:!?(][\u4e00-\u9fff{]|[\u4e00-\u9fff]\)|\)[\u4e00-\u9fff]")
"""Punctuation of Latin script beside Chinese; a text of another script between brackets of its own is none."""
ONE_WORD_EACH = {
    "consent": "同意",
    "header": "头部",
    "emergency access": "紧急访问|抢救调阅|急诊调阅",
    "re-examination": "重做|重新开具",
    "decision certificate": "决定证书",
    "check": "核查无|开单前检索|未检索",
}
"""What the same thing must not be called besides: 授权, 条目描述, 紧急调阅, 重新检查, 决定证明书, 查询."""


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def chinese() -> list[tuple[str, str]]:
    told = [(f"{table}.{key}", text) for table, texts in TEXTS["zh"].items() for key, text in texts.items()]
    demo = [(f"{kind}.{key}", str(text)) for kind, table in WORDS.items() for key, text in flatten(table)]
    return told + [(key, text) for key, text in demo if re.search("[\u4e00-\u9fff]", text)]


def names() -> list[tuple[str, str]]:
    """Return the Chinese names that the documents of the package give."""
    paths = [*PACKAGED_CATALOGUE.glob("*.json"), *PACKAGED_MAPS.glob("*.json")]
    return [(path.name, name) for path in paths for name in re.findall(r'"zh": ?"([^"]+)"', path.read_text(encoding="utf-8"))]


def flatten(table: dict[str, object], prefix: str = "") -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for key, value in table.items():
        found += flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", value)]
    return found


def test_every_text_is_there_in_both_languages() -> None:
    assert {(table, key) for table, texts in TEXTS["zh"].items() for key in texts} == {
        (table, key) for table, texts in TEXTS["en"].items() for key in texts
    }


def test_no_language_says_a_value_that_the_other_leaves_out() -> None:
    differing = [
        f"{table}.{key}"
        for table, texts in TEXTS["zh"].items()
        for key, text in texts.items()
        if placeholders(text) != placeholders(TEXTS["en"][table][key])
    ]
    assert not differing


def test_chinese_has_the_punctuation_of_chinese() -> None:
    # a name of chemistry, 脂蛋白(a), keeps its brackets
    assert not [(key, text) for key, text in [*chinese(), *names()] if HALF_WIDTH.search(re.sub(r"\([a-z]\)", "", text))]


@pytest.mark.parametrize("thing", sorted(ONE_WORD_EACH))
def test_one_thing_has_one_name(thing: str) -> None:
    assert not [(key, text) for key, text in chinese() if re.search(ONE_WORD_EACH[thing], text)]
