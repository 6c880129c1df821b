from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.record import Kind, RecordDraft
from node.errors import ConcordError
from tests.unit.fhir_split.documents import KINDS, LIMITS, RULES, Json, bundle, panel, split

CONFIGURED = replace(
    RULES,
    business_systems=("urn:mrn",),
    patient_systems=("urn:mrn",),
    versioned_kinds=frozenset({Kind("exam-result")}),
)
EXAMPLES = sorted((Path(__file__).parents[3] / "examples" / "synthea").glob("*.json"))

# JSON numbers as they are written, which a reader that goes through floating point would change.
decimals = st.sampled_from(["13.50", "140.10", "0.00", "1e2", "1E+02", "-0", "0.1000000000000000055511151231257827"])
spaces = st.sampled_from(["", " ", "\n  ", "\t", "\r\n"])


def written(resource: Json, order: list[str], space: str, decimal: str) -> str:
    """Write a resource with its keys in this order, this white space, and a decimal as it stands."""
    fields = [f"{space}{json.dumps(key)}{space}:{space}{json.dumps(resource[key], ensure_ascii=False)}" for key in order]
    extra = f'"extension":[{{"url":"u","valueDecimal":{decimal}}}]'
    return "{" + ",".join([*fields, extra]) + space + "}"


@given(st.data())
def test_parts_are_exact_slices_whatever_the_order_the_spaces_and_the_decimals(data: st.DataObject) -> None:
    texts = [written(each, data.draw(st.permutations(list(each))), data.draw(spaces), data.draw(decimals)) for each in panel()]
    shuffled = data.draw(st.permutations(texts))
    document = '{"resourceType":"Bundle","type":"collection","entry":['
    document += ",".join(f'{{"resource":{data.draw(spaces)}{text}{data.draw(spaces)}}}' for text in shuffled) + "]}"
    (draft,) = split(document.encode()).drafts
    assert sorted(part.content.decode() for part in draft.parts) == sorted(texts)


def unplaced(draft: RecordDraft) -> list[Any]:
    return [draft.identity, draft.parts, draft.patient_part, draft.items, draft.performed_at, draft.patient_number]


@given(st.permutations(panel()))
def test_the_order_of_entries_is_irrelevant(resources: list[Json]) -> None:
    (draft,) = split(bundle(resources)).drafts
    assert unplaced(draft) == unplaced(split(bundle(panel())).drafts[0])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_part_of_a_real_history_is_in_the_input_byte_for_byte(path: Path) -> None:
    document = path.read_bytes()
    done = split(document)
    entries = {each["fullUrl"]: each["resource"] for each in json.loads(document)["entry"]}
    assert done.drafts
    for draft in done.drafts:
        for part in draft.parts:
            assert part.content in document
            assert json.loads(part.content) == entries[part.full_url]


words = ["", "final", "Patient/p1", "#x", "#", "urn:uuid:1", "ACSN", "urn:dicom:uid", "urn:mrn"]
keys = ["reference", "code", "id", "coding", "system", "value", "type", "identifier", "use", "start", "contained"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(words),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(keys), inner, max_size=4),
    max_leaves=8,
)
bendable = ["contained", "component", "hasMember", "encounter", "subject", "identifier", "meta", "specimen", "imagingStudy"]


@given(st.data())
def test_bent_documents_are_split_or_refused_and_nothing_else(data: st.DataObject) -> None:
    resources = panel()
    for _ in range(data.draw(st.integers(1, 4))):
        resource = data.draw(st.sampled_from(resources))
        name = data.draw(st.sampled_from([*resource, *bendable]))
        resource[name] = data.draw(json_values)
    try:
        done = split(bundle(resources), rules=data.draw(st.sampled_from([RULES, CONFIGURED])))
    except ConcordError:
        return
    for draft in done.drafts:
        assert draft.performed_at.tzinfo is not None
        assert draft.patient_number.value
        assert isinstance(draft.patient_number.system, str)
        assert isinstance(draft.identity.value, str)
        assert draft.parts[0].resource_type == draft.identity.resource_type


@given(st.binary(max_size=100) | st.text(max_size=60).map(str.encode))
def test_rubbish_is_refused_by_name(document: bytes) -> None:
    with pytest.raises(ConcordError):
        split(document, rules=RULES, limits=LIMITS)
    assert KINDS.kinds
