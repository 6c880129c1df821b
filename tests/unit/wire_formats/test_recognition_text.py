"""Texts of checks and decisions, and messages about them: one text for each content, nothing unknown, no other version."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from node.domain.access import Actor
from node.domain.entry import InstitutionId, LeafReference, Level, Origin
from node.domain.recognition import (
    CheckOutcome,
    Coverage,
    Decision,
    DecisionOutcome,
    DocumentDigest,
    ItemCode,
    Obstacle,
    Offer,
    OfferedItem,
    OrderableCheck,
    OrderableCode,
    OrderLine,
    Pin,
    Reachability,
    Reason,
    RefusedItem,
    UnmappedResult,
    UnrecognisableResult,
)
from node.domain.recognition_acts import CheckId, DecisionId
from node.errors import MalformedJsonError, UnknownFormatError
from node.wire.members.decisions import DecisionMessage, encode_decision_message, parse_decision_message
from node.wire.recognition.text import CheckText, DecisionText, encode_checks, encode_decision, parse_checks, parse_decision

A, B = InstitutionId("hospital-a"), InstitutionId("hospital-b")
LEAF = LeafReference(Origin("hospital-a.example/log"), b"\x01" * 32)
LINE = OrderLine("o-1", OrderableCode("肝功"))
ALT, AST = ItemCode("LAB-ALT"), ItemCode("LAB-AST")
PINS = (Pin("catalogue", "", DocumentDigest(b"\x02" * 32)),)
ACTOR = Actor(B, "03.04", "b-17", "110", "password+token", "physician")
OFFER = Offer(
    LEAF,
    A,
    own=False,
    performed_at_ms=1,
    age_ms=2,
    items=(OfferedItem(ALT, "粤HR", None),),
    level=Level.ANCHORED,
    images_at_hand=False,
    reachability=Reachability.AWAY,
    saving_fen=3,
)
CHECK = CheckText(
    CheckId("ab" * 16),
    ACTOR,
    answered=True,
    outcome=CheckOutcome(
        B,
        "encounter-1",
        3,
        (
            OrderableCheck(
                LINE,
                known=True,
                items=(ALT, AST),
                coverage=Coverage.PARTLY,
                missing=(AST,),
                offers=(OFFER,),
                unrecognisable=(UnrecognisableResult(LEAF, A, 1, 2, (RefusedItem(AST, Obstacle.UNIT),)),),
                window_days=30,
                price_fen=None,
                saving_fen=3,
            ),
        ),
        (UnmappedResult(LEAF, A, 1, (("urn:x", "y"),)),),
        PINS,
    ),
)
DECISION = DecisionText(
    DecisionId("cd" * 16),
    CHECK.check_id,
    ACTOR,
    "encounter-1",
    Decision(
        DecisionOutcome.REORDERED,
        LINE,
        (),
        (ALT, AST),
        Reason.OTHER,
        None,
        "因为",
        saving_fen=0,
        warned=False,
        decided_at_ms=4,
        pins=PINS,
    ),
    (),
    (A,),
)
MESSAGE = DecisionMessage(DecisionId("cd" * 16), "reordered", (LEAF,), 6, 4)


def test_texts_read_back() -> None:
    assert parse_checks(encode_checks([CHECK, CHECK])) == (CHECK, CHECK)
    assert parse_decision(encode_decision(DECISION)) == DECISION
    assert parse_decision_message(encode_decision_message(MESSAGE)) == MESSAGE


def test_a_campus_is_told_where_there_is_one() -> None:
    check, decision = replace(CHECK, campus="东院"), replace(DECISION, campus="东院")
    assert parse_checks(encode_checks([check, CHECK])) == (check, CHECK)
    assert parse_decision(encode_decision(decision)) == decision
    assert b"campus" not in encode_checks([CHECK]) + encode_decision(DECISION)
    for campus in ("", "x" * 65):
        with pytest.raises(MalformedJsonError):
            parse_checks(encode_checks([replace(CHECK, campus=campus)]))


PARSERS: list[tuple[Callable[[bytes], object], bytes, str]] = [
    (parse_checks, encode_checks([CHECK]), "version"),
    (parse_decision, encode_decision(DECISION), "version"),
    (parse_decision_message, encode_decision_message(MESSAGE), "format_version"),
]


@pytest.mark.parametrize(("parse", "text", "version"), PARSERS, ids=["checks", "decision", "message"])
def test_other_texts_are_refused(parse: Callable[[bytes], object], text: bytes, version: str) -> None:
    document: dict[str, object] = json.loads(text)
    others: tuple[object, ...] = (document | {"more": 1}, {name: value for name, value in document.items() if name != version}, [])
    for changed in others:
        with pytest.raises(MalformedJsonError):
            parse(json.dumps(changed, ensure_ascii=False, separators=(",", ":")).encode())
    for data in (b"", b"{", text[:-1], b'{"version":1,"version":1}'):
        with pytest.raises(MalformedJsonError):
            parse(data)
    with pytest.raises(UnknownFormatError):
        parse(json.dumps(document | {version: 2}, ensure_ascii=False, separators=(",", ":")).encode())


@pytest.mark.parametrize(("parse", "text"), [PARSERS[0][:2], PARSERS[1][:2]], ids=["checks", "decision"])
def test_there_is_one_text_for_each_content(parse: Callable[[bytes], object], text: bytes) -> None:
    with pytest.raises(MalformedJsonError):
        parse(json.dumps(json.loads(text), ensure_ascii=False).encode())
