"""FHIR R4 Consent in and out: what is read, what is refused and where, and that nothing is lost on the way."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.access import Purpose
from node.domain.consent import CarePeriod, ConsentTerms, GrantedItem, Grantee
from node.domain.consent_state import ConsentStanding
from node.domain.entry import InstitutionId
from node.domain.labels import SensitivityLabel
from node.domain.record import Kind
from node.errors import DocumentRefusedError
from node.wire.fhir.consent import parse_fhir_consent
from node.wire.fhir.consent_out import encode_fhir_consent
from tests.unit.consents.samples import FULL_TERMS, HOSPITAL_A, ID, NOW, NOW_S, TERMS

EXAMPLES = Path(__file__).parents[2] / "conformance" / "vectors" / "fhir-consents"
THEN = datetime(2015, 1, 15, tzinfo=UTC)

EXPECTED: dict[str, list[str]] = {
    "Consent-consent-example-Emergency.json": [
        "Consent.category[0]",
        "Consent.policyRule",
        "Consent.provision.actor",
        "Consent.provision.purpose",
        "Consent.provision.provision[0].type",
        "Consent.provision.provision[0].actor[0].role",
        "Consent.provision.provision[0].action",
        "Consent.provision.provision[0].purpose",
        "Consent.provision.provision[0].period",
    ],
    "Consent-consent-example-Out.json": ["Consent.policyRule", "Consent.provision.actor", "Consent.provision.provision"],
    "Consent-consent-example-notOrg.json": ["Consent.provision.type"],
    "Consent-consent-example-notThem.json": [
        "Consent.provision.actor",
        "Consent.provision.action",
        "Consent.provision.provision",
    ],
    "Consent-consent-example-notTime.json": ["Consent.provision.provision"],
    "Consent-consent-example-pkb.json": [
        "Consent.policyRule",
        "Consent.provision.actor",
        "Consent.provision.action",
        "Consent.provision.securityLabel",
        "Consent.provision.provision",
    ],
}


def written(terms: ConsentTerms) -> dict[str, Any]:
    content = encode_fhir_consent(terms, ID, ConsentStanding.GRANTED, HOSPITAL_A)
    return dict(msgspec.json.decode(content))


def refused(tree: object) -> list[str]:
    with pytest.raises(DocumentRefusedError) as caught:
        parse_fhir_consent(msgspec.json.encode(tree), NOW)
    return [refusal.path for refusal in caught.value.refusals]


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_official_examples_are_refused_by_path(name: str) -> None:
    """None of them is one permit to one institution under an opt-in, which is all that can be granted here."""
    with pytest.raises(DocumentRefusedError) as caught:
        parse_fhir_consent((EXAMPLES / name).read_bytes(), THEN)
    assert [refusal.path for refusal in caught.value.refusals] == EXPECTED[name]


def test_every_official_example_is_expected() -> None:
    assert {path.name for path in EXAMPLES.glob("*.json")} == set(EXPECTED)


def test_an_official_example_with_one_permit_is_read() -> None:
    tree = msgspec.json.decode((EXAMPLES / "Consent-consent-example-notOrg.json").read_bytes())
    del tree["provision"]["action"][1]
    tree["provision"] |= {
        "type": "permit",
        "period": {"start": "2015-01-01T00:00:00Z", "end": "2015-02-01T00:00:00+08:00"},
        "purpose": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT"}],
    }
    terms = parse_fhir_consent(msgspec.json.encode(tree), THEN)
    assert terms.grantee == Grantee(InstitutionId("f001"), None, None)
    assert terms.expires_at_s == int(datetime(2015, 1, 31, 16, 0, 1, tzinfo=UTC).timestamp())


@pytest.mark.parametrize("terms", [TERMS, FULL_TERMS], ids=["plain", "full"])
def test_what_is_written_is_read_back(terms: ConsentTerms) -> None:
    assert parse_fhir_consent(msgspec.json.encode(written(terms)), NOW) == terms


NAMES = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=12)


def lists(of: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...] | None]:
    return st.none() | st.lists(of, min_size=1, max_size=4, unique=True).map(tuple)


PERIODS = st.tuples(st.none() | st.integers(0, 10**12), st.none() | st.integers(10**12 + 1, 2 * 10**12)).map(
    lambda bounds: CarePeriod(*bounds)
)
ITEMS = st.none() | st.lists(st.builds(GrantedItem, NAMES, NAMES), min_size=1, max_size=4, unique=True).map(tuple)
PURPOSES = st.lists(
    st.sampled_from([purpose for purpose in Purpose if purpose is not Purpose.EMERGENCY]), min_size=1, unique=True
).map(tuple)


@given(
    st.builds(
        ConsentTerms,
        grantee=st.builds(Grantee, NAMES.map(InstitutionId), lists(NAMES), lists(NAMES)),
        kinds=lists(NAMES.map(Kind)),
        items=ITEMS,
        labels=st.lists(NAMES.map(SensitivityLabel), max_size=4, unique=True).map(tuple),
        period=PERIODS,
        purposes=PURPOSES,
        expires_at_s=st.integers(NOW_S + 1, NOW_S + 10**9),
        max_uses=st.none() | st.integers(1, 2**31 - 1),
    )
)
def test_all_terms_survive_fhir(terms: ConsentTerms) -> None:
    assert parse_fhir_consent(msgspec.json.encode(written(terms)), NOW) == terms


RULE = ("provision", "provision", 0)
CODE = {"system": "urn:elsewhere", "code": "x"}
REFUSALS: list[tuple[tuple[str | int, ...], object, str]] = [
    (("resourceType",), "Patient", "Consent"),
    (("status",), "draft", "Consent.status"),
    (("modifierExtension",), [{}], "Consent.modifierExtension"),
    (("implicitRules",), "https://x.example", "Consent.implicitRules"),
    (("policy",), [{"uri": "https://x.example"}], "Consent.policy"),
    (("scope",), {"coding": [CODE]}, "Consent.scope"),
    (("category",), [{"coding": [CODE]}], "Consent.category[0]"),
    (("policyRule",), None, "Consent.policyRule"),
    (("patient",), None, "Consent.patient"),
    (("provision",), None, "Consent.provision"),
    (("provision", "actor"), [{}], "Consent.provision.actor"),
    (("provision", "type"), "deny", "Consent.provision.type"),
    (("provision", "provision"), [], "Consent.provision.provision"),
    (("provision", "period"), {"end": "2015-01-01"}, "Consent.provision.period.end"),
    (("provision", "period"), {"end": "2015-01-01T00:00:00Z"}, "Consent.provision.period.end"),
    (("provision", "period"), {"start": "2100-01-01T00:00:00Z", "end": "2101-01-01T00:00:00Z"}, "Consent.provision.period.start"),
    ((*RULE, "type"), "deny", "Consent.provision.provision[0].type"),
    ((*RULE, "data"), [{}], "Consent.provision.provision[0].data"),
    ((*RULE, "provision"), [{"type": "deny"}], "Consent.provision.provision[0].provision"),
    ((*RULE, "modifierExtension"), [{}], "Consent.provision.provision[0].modifierExtension"),
    ((*RULE, "extension"), [{"url": "urn:x", "valueBoolean": True}], "Consent.provision.provision[0].extension[0]"),
    ((*RULE, "actor"), [], "Consent.provision.provision[0].actor"),
    ((*RULE, "actor", 0, "role"), {"coding": [CODE]}, "Consent.provision.provision[0].actor[0].role"),
    ((*RULE, "actor", 0, "reference"), {"reference": "Practitioner/f204"}, "Consent.provision.provision[0].actor[0].reference"),
    ((*RULE, "actor", 0, "reference"), {"reference": "#nobody"}, "Consent.provision.provision[0].actor[0].reference"),
    ((*RULE, "action"), None, "Consent.provision.provision[0].action"),
    ((*RULE, "action"), [{"coding": [CODE]}], "Consent.provision.provision[0].action[0]"),
    ((*RULE, "securityLabel"), [CODE], "Consent.provision.provision[0].securityLabel[0]"),
    ((*RULE, "purpose"), [], "Consent.provision.provision[0].purpose"),
    (
        (*RULE, "purpose"),
        [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "ETREAT"}],
        "Consent.provision.provision[0].purpose[0]",
    ),
    ((*RULE, "class"), [CODE], "Consent.provision.provision[0].class[0]"),
    ((*RULE, "code"), [{"text": "liver"}], "Consent.provision.provision[0].code[0]"),
    ((*RULE, "dataPeriod"), {"start": "2015"}, "Consent.provision.provision[0].dataPeriod.start"),
    (("contained", 0, "practitioner"), {"reference": "Practitioner/1"}, "Consent.contained[0].practitioner"),
    (("contained", 0, "code"), [{"text": "physician"}], "Consent.contained[0].code"),
]


@pytest.mark.parametrize(("place", "value", "path"), REFUSALS, ids=[f"{number}" for number in range(len(REFUSALS))])
def test_what_cannot_be_expressed_is_refused_at_its_path(place: tuple[str | int, ...], value: object, path: str) -> None:
    tree = deepcopy(written(FULL_TERMS))
    *parents, last = place
    spot: Any = tree
    for name in parents:
        spot = spot[name]
    if value is None:
        del spot[last]
    else:
        spot[last] = value
    assert path in refused(tree)


def test_labels_need_ordinary_records_beside_them_and_restricted_ones_a_name() -> None:
    confidentiality = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
    tree = written(TERMS)
    rule = tree["provision"]["provision"][0]
    for labels in ([{"system": confidentiality, "code": "R"}], [{"system": confidentiality, "code": c} for c in "NR"]):
        rule["securityLabel"] = labels
        assert "Consent.provision.provision[0].securityLabel" in refused(tree)


def test_a_consent_that_is_not_in_force_is_not_active() -> None:
    statuses = {
        standing: msgspec.json.decode(encode_fhir_consent(TERMS, ID, standing, None))["status"] for standing in ConsentStanding
    }
    assert [standing for standing, status in statuses.items() if status == "active"] == [ConsentStanding.GRANTED]


def test_no_object_is_no_consent() -> None:
    assert refused([]) == ["Consent"]
