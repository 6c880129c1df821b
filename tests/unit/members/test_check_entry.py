"""What the header of a check says of many offers: the newest, and whatever else answers something."""

from __future__ import annotations

from dataclasses import replace

from node.domain.entry import LeafReference
from node.domain.patient import PatientSeed
from node.domain.recognition import OfferedItem
from node.domain.recognition_acts import CheckContent
from node.identity.codes import keys_of_seed
from node.services.recognition.checking import MAX_OFFERS, check_entry
from node.wire.recognition.text import parse_checks
from tests.unit.wire_formats.test_recognition_text import ALT, AST, CHECK, OFFER

PATIENT = keys_of_seed(PatientSeed(bytes(32)), {1: b"\x01" * 32}, provisional=False, regulator_id="regulator")
LEAVES = [LeafReference(OFFER.leaf.origin, bytes([at]) * 32) for at in range(MAX_OFFERS + 4)]


def test_older_offers_are_named_where_they_answer_something_more() -> None:
    offers = [replace(OFFER, leaf=leaf) for leaf in LEAVES]
    offers[-2] = replace(offers[-2], items=(OfferedItem(AST, "粤HR", None),))
    line = replace(CHECK.outcome.lines[0], offers=tuple(offers))
    text = replace(CHECK, outcome=replace(CHECK.outcome, lines=(line,)))
    entry = check_entry([text], PATIENT)
    assert isinstance(entry.content, CheckContent)
    (checked,) = entry.content.checks[0].lines
    assert [offer.leaf for offer in checked.offers] == [*LEAVES[:MAX_OFFERS], LEAVES[-2]]
    assert {item for offer in checked.offers for item in offer.items} == {ALT, AST}
    assert parse_checks(entry.parts[0].content) == (text,)
