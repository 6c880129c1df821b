"""Two hospitals that agree on what a consent does not cover: its document, in whatever log, says otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from node.cli.options import Language
from node.cli.patient.words import describe_code
from node.cli.texts import load_texts
from node.domain.access import AccessOutcome, AccessSide, ConsentContent, Purpose
from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin
from node.domain.patient import PatientSeed
from node.identity.codes import keys_of_seed
from node.ports.clock import unix_ms
from node.supervision.consent_scope import DOCUMENT_GRACE_MS, ConsentDocumented, PersonName, ScopeAnswer, ScopedUse, judge_scope
from node.supervision.findings import EntryPlace
from node.wire.evidence.finding_evidence import parse_finding, verify_finding
from node.wire.trust_root import parse_trust_root
from tests.unit.api_routes.client import Api
from tests.unit.evidence_verify.world import NOW
from tests.unit.services_records.world import LOCATOR_SECRETS, World
from tests.unit.services_supervision import consortium
from tests.unit.services_supervision.consortium import (
    CONSENT,
    HOLDER,
    REGULATOR,
    A,
    B,
    eventually,
    log_act,
    make_access,
    make_consortium,
)
from tests.unit.services_supervision.test_findings import findings
from tests.unit.terminology import world as documents

pytestmark = pytest.mark.slow

SOMEBODY_ELSE = keys_of_seed(PatientSeed(bytes(range(2, 34))), LOCATOR_SECRETS, provisional=False, regulator_id=REGULATOR)
DAY_S = DOCUMENT_GRACE_MS // 1000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    rules = {"interval_s": 0.02, "receipt_grace_s": 1e7}
    made = make_consortium(tmp_path / "n", supervision=rules).start()
    yield made
    made.stop()


def document(world: World, grantee: InstitutionId = B, purposes: tuple[Purpose, ...] = (Purpose.TREATMENT,), **more: bool) -> None:
    now_ms = unix_ms(world.clock)
    revoked = more.get("revoked", False)
    content = ConsentContent(CONSENT, False, A, grantee, purposes, now_ms + 1, revoked, now_ms)  # noqa: FBT003 - asserted: fields in order
    log_act(world, A, content, EntryType.CONSENT_DOCUMENT)


def disclose(world: World, side: AccessSide = HOLDER, *subjects: LeafReference) -> None:
    said = replace(make_access(side), occurred_at_ms=unix_ms(world.clock))
    log_act(world, A if side is HOLDER else B, replace(said, subjects=subjects) if subjects else said)


def found(world: World, entries: int) -> list[tuple[str, str | None]]:
    read = "SELECT coalesce(sum(next_index), 0) FROM figure_cursors"
    eventually(lambda: world.rows(read)[0][0], lambda count: count == entries)
    looks = "SELECT look_at_ms FROM scoped_uses WHERE look_at_ms IS NOT NULL"
    eventually(lambda: world.rows(looks), lambda rows: all(at_ms > unix_ms(world.clock) for (at_ms,) in rows))
    page = findings(world, "?open=true")
    return sorted((each["code"], each["values"].get("answer")) for each in page if "consent" in each["code"])


def test_a_disclosure_within_its_document_is_nothing_to_find(world: World) -> None:
    document(world)
    disclose(world)
    world.clock.advance(seconds=DAY_S + 60)
    assert found(world, 2) == []


@pytest.mark.parametrize("document_first", [True, False])
def test_who_reads_under_somebody_elses_grant_is_found_in_whatever_order_it_is_read(world: World, *, document_first: bool) -> None:
    if document_first:
        document(world, InstitutionId("hospital-c"))
    disclose(world)
    if not document_first:
        assert found(world, 1) == []
        document(world, InstitutionId("hospital-c"))
    assert found(world, 2) == [("access_outside_consent", "other_grantee")]
    (kept,) = findings(world, "?code=access_outside_consent")
    assert len(kept["entries"]) == 2
    evidence = Api(world).get(f"/v1/supervision/findings/{kept['finding_id']}/evidence", institution=REGULATOR)
    root = parse_trust_root(world.settings.trust_root_file.read_bytes())
    assert verify_finding(parse_finding(evidence.content), root, now=NOW).code == "access_outside_consent"


def test_who_reads_for_another_purpose_is_found(world: World) -> None:
    document(world, purposes=(Purpose.RESEARCH, Purpose.CLAIM))
    disclose(world)
    assert found(world, 2) == [("access_outside_consent", "other_purpose")]


def test_an_accomplices_consent_opens_nobody_elses_record(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    result = log_act(world, A, documents.result("r", documents.ALT).content, EntryType.RECORD)
    with monkeypatch.context() as patched:
        patched.setattr(consortium, "PATIENT", SOMEBODY_ELSE)
        document(world)
    disclose(world, HOLDER, LeafReference(world.origin(A), result.leaf_hash))
    assert found(world, 3) == [("access_outside_consent", "other_person")]


def test_a_code_that_was_changed_since_makes_nobody_another_person(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    result = log_act(world, A, documents.result("r", documents.ALT).content, EntryType.RECORD)
    document(world)
    with monkeypatch.context() as patched:
        patched.setattr(consortium, "PATIENT", SOMEBODY_ELSE)
        disclose(world, HOLDER, LeafReference(world.origin(A), result.leaf_hash))
    assert found(world, 3) == []


def test_a_consent_without_a_document_is_found_after_a_day_and_one_that_is_read_late_settles_it(world: World) -> None:
    disclose(world)
    assert found(world, 1) == []
    world.clock.advance(seconds=DAY_S + 60)
    assert found(world, 1) == [("consent_undocumented", None)]
    document(world, revoked=True)
    assert found(world, 2) == [("consent_undocumented", None)], "a revocation grants nothing"
    world.clock.advance(seconds=-DAY_S - 60)
    document(world)
    assert found(world, 3) == []


def test_a_document_that_is_made_up_afterwards_heals_nothing(world: World) -> None:
    disclose(world)
    world.clock.advance(seconds=3_600)
    document(world)
    assert found(world, 2) == [("access_outside_consent", "later")]


def test_what_was_not_disclosed_needs_no_document(world: World) -> None:
    log_act(world, A, make_access(HOLDER, AccessOutcome.DENIED))
    world.clock.advance(seconds=DAY_S + 60)
    assert found(world, 1) == []


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("answer", [*ScopeAnswer, None])
def test_every_answer_has_words(language: Language, answer: ScopeAnswer | None) -> None:
    place, person = EntryPlace(Origin("a.example/log"), 7, bytes(32), 9), PersonName(b"p" * 32)
    use = ScopedUse(place, A, HOLDER, CONSENT, B, Purpose.TREATMENT, person, 10**9)
    fitting = ConsentDocumented(place, CONSENT, B, (Purpose.TREATMENT,), person, 0)
    wrong = {
        ScopeAnswer.OTHER_GRANTEE: replace(fitting, grantee=A),
        ScopeAnswer.OTHER_PURPOSE: replace(fitting, purposes=()),
        ScopeAnswer.OTHER_PERSON: replace(fitting, person=PersonName(b"q" * 32)),
        ScopeAnswer.LATER: replace(fitting, logged_at_ms=10**12),
    }
    assert judge_scope(use, [fitting], frozenset()) is None
    made = judge_scope(use, [] if answer is None else [wrong[answer]], frozenset())
    assert made is not None
    assert dict(made.values).get("answer") == answer
    assert CONSENT.hex()[:16] in describe_code(made.code, dict(made.values), load_texts(language))
