"""The mark of mutual recognition that a report claims, for its header."""

from __future__ import annotations

import pytest

from node.domain.record import RecordDraft
from node.errors import DocumentRefusedError
from tests.unit.fhir_split.documents import Json, bundle, panel, split

MARK, CERTIFICATE = "urn:concord:hr-mark", "urn:concord:hr-certificate"


def draft(*tags: Json) -> RecordDraft:
    resources = panel()
    for resource in resources:
        if resource["resourceType"] == "DiagnosticReport":
            resource["meta"] = {"tag": list(tags)}
    (record,) = split(bundle(resources)).drafts
    return record


def tag(system: str, code: str) -> Json:
    return {"system": system, "code": code}


def test_a_report_without_a_claim_bears_none() -> None:
    (record,) = split(bundle(panel())).drafts
    assert (record.mark, record.certificate) == ("", "")


def test_a_claim_is_read_from_tags_of_its_own_systems() -> None:
    record = draft(tag(MARK, "全国HR"), tag(CERTIFICATE, "NCCL-7"), tag("urn:else", "x"), {"display": "no code"})
    assert (record.mark, record.certificate) == ("全国HR", "NCCL-7")
    assert (draft(tag(MARK, "粤HR")).certificate, draft(tag(MARK, "粤HR"), tag(MARK, "粤HR")).mark) == ("", "粤HR")


@pytest.mark.parametrize("tags", [[tag(MARK, "全国HR"), tag(MARK, "粤HR")], [tag(MARK, "x" * 65)], [tag(CERTIFICATE, "a\nb")]])
def test_a_claim_that_could_be_read_in_two_ways_is_refused(tags: list[Json]) -> None:
    with pytest.raises(DocumentRefusedError) as error:
        draft(*tags)
    assert next(each.path for each in error.value.refusals).endswith("meta.tag")
