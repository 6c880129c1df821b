"""A document that its institution may not publish is a finding; figures and profiles follow the documents that hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from node.domain.entry import EntryType, InstitutionId
from node.domain.record import Item
from node.errors import PinMismatchError
from node.services.catalogue.adoption import DocumentSource
from node.services.records.public_entries import stage_public
from node.terminology.maps import LOINC
from node.terminology.marks import CertificateList
from node.terminology.regions import InstitutionTable
from node.wire.catalogue.documents import PACKAGED_CATALOGUE, PACKAGED_MAPS, encode_document, parse_document
from node.wire.catalogue.entry import document_entry
from node.wire.evidence.finding_evidence import parse_finding, verify_finding
from node.wire.trust_root import parse_trust_root, sign_trust_root
from tests.unit.api_routes.client import Api
from tests.unit.evidence_verify.world import NOW, SIGNERS
from tests.unit.services_records.world import World
from tests.unit.services_supervision.consortium import REGULATOR, A, eventually, log_act, make_consortium
from tests.unit.services_supervision.test_findings import findings
from tests.unit.services_supervision.test_reliance import record

pytestmark = pytest.mark.slow

OPEN = "?code=mark_without_certificate&open=true"
SHARED = ("catalogue", "regions", "institutions", "prices", "certificates")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Return a consortium whose trust root says who the regulator is; it has no registry."""
    made = make_consortium(tmp_path / "n")
    file = made.settings.trust_root_file
    root = parse_trust_root(file.read_bytes())
    regulator = replace(root.institutions[REGULATOR], roles=("regulator",))
    file.write_bytes(sign_trust_root(replace(root, institutions={**root.institutions, REGULATOR: regulator}), SIGNERS))
    yield made.start()
    made.stop()


def slip_in(world: World, institution: InstitutionId, data: bytes) -> None:
    origin, now_ms = world.origin(institution), int(world.clock.now().timestamp() * 1000)
    entry = document_entry(origin, data, now_ms)
    writer = world.running.sharing.writer
    writer.submit(lambda tx: stage_public(tx, institution, origin, EntryType.CATALOGUE, [entry], now_ms)).result()
    world.running.sequencing.staged(origin)


def test_who_publishes_what_is_not_theirs_is_found_and_that_proves_itself(world: World) -> None:
    slip_in(world, A, (PACKAGED_CATALOGUE / "prices.json").read_bytes())
    (found,) = eventually(lambda: findings(world), lambda page: len(page) == 1)
    assert (found["code"], found["institutions"]) == ("document_refused", [A])
    assert "role regulator" in found["values"]["reason"]
    response = Api(world).get(f"/v1/supervision/findings/{found['finding_id']}/evidence", institution=REGULATOR)
    root = parse_trust_root(world.settings.trust_root_file.read_bytes())
    verify_finding(parse_finding(response.content), root, now=NOW)


def test_profiles_come_from_what_the_regulator_published_last(world: World) -> None:
    catalogue = world.running.node.catalogue
    assert catalogue is not None
    for kind in SHARED:
        catalogue.publishing.publish(REGULATOR, (PACKAGED_CATALOGUE / f"{kind}.json").read_bytes())
    eventually(lambda: catalogue.adoption.status().source, lambda source: source is DocumentSource.PUBLISHED)
    institutions = parse_document((PACKAGED_CATALOGUE / "institutions.json").read_bytes())
    assert isinstance(institutions, InstitutionTable)
    first, *rest = institutions.institutions
    assert first.institution == A
    renamed = replace(
        institutions,
        head=replace(institutions.head, serial=2),
        institutions=(replace(first, en="Renamed", recognition_required=False), *rest),
    )
    catalogue.publishing.publish(REGULATOR, encode_document(renamed))
    reading = world.running.node.oversight
    assert reading is not None
    assert reading.supervision is not None
    logs, figures = reading.supervision.logs, reading.supervision.figures
    names = eventually(
        lambda: [each.profile.en for each in logs.institutions() if each.profile is not None], lambda names: "Renamed" in names
    )
    assert len(names) == 2
    (row,) = [each for each in figures.liaoning("2026-03", world.clock.now().date()) if each.institution == A]
    assert not row.recognition_required


def test_a_mark_whose_certificate_is_published_later_settles_what_was_found(world: World) -> None:
    catalogue = world.running.node.catalogue
    assert catalogue is not None
    late = parse_document((PACKAGED_CATALOGUE / "certificates.json").read_bytes())
    assert isinstance(late, CertificateList)
    held = next(each for each in late.certificates if each.institution == A and each.item == "LAB-ALT")
    earlier = replace(late, certificates=tuple(each for each in late.certificates if each.item != "LAB-ALT"))
    for kind in SHARED[:-1]:
        catalogue.publishing.publish(REGULATOR, (PACKAGED_CATALOGUE / f"{kind}.json").read_bytes())
    catalogue.publishing.publish(REGULATOR, encode_document(earlier))
    catalogue.publishing.publish(A, (PACKAGED_MAPS / "hospital-a.json").read_bytes())
    eventually(lambda: catalogue.adoption.status().source, lambda source: source is DocumentSource.PUBLISHED)
    performed_at_ms = int(datetime.combine(held.valid_from, time(12), tzinfo=UTC).timestamp() * 1000)
    for certificate in (held.certificate, "made-up"):
        content = record(items=(Item(LOINC, "1742-6", "", "U/L"),), certificate=certificate, performed_at_ms=performed_at_ms)
        log_act(world, A, content, EntryType.RECORD)
    eventually(lambda: findings(world, OPEN), lambda page: len(page) == 2)
    catalogue.publishing.publish(REGULATOR, encode_document(replace(late, head=replace(late.head, serial=2))))
    (left,) = eventually(lambda: findings(world, OPEN), lambda page: len(page) == 1)
    assert left["values"]["certificate"] == "made-up"
    assert len(findings(world)) == 2, "what was settled stays in the list"


def test_a_list_that_withdraws_a_certificate_for_a_time_before_finds_what_was_borne_and_names_itself(world: World) -> None:
    catalogue = world.running.node.catalogue
    assert catalogue is not None
    first = parse_document((PACKAGED_CATALOGUE / "certificates.json").read_bytes())
    assert isinstance(first, CertificateList)
    held = next(each for each in first.certificates if each.institution == A and each.item == "LAB-ALT")
    for kind in SHARED:
        catalogue.publishing.publish(REGULATOR, (PACKAGED_CATALOGUE / f"{kind}.json").read_bytes())
    catalogue.publishing.publish(A, (PACKAGED_MAPS / "hospital-a.json").read_bytes())
    adoption = catalogue.adoption
    eventually(lambda: adoption.status().source, lambda source: source is DocumentSource.PUBLISHED)
    for day in (held.valid_from, held.valid_from + timedelta(days=2)):
        performed_at_ms = int(datetime.combine(day, time(12), tzinfo=UTC).timestamp() * 1000)
        claimed = record(items=(Item(LOINC, "1742-6", "", "U/L"),), certificate=held.certificate, performed_at_ms=performed_at_ms)
        log_act(world, A, claimed, EntryType.RECORD)
    judged = "SELECT count(*) FROM claimed_marks WHERE NOT is_due"
    eventually(lambda: world.rows(judged), lambda rows: rows == [(2,)])
    # the map may have taken over after they were read
    eventually(lambda: findings(world, OPEN), lambda page: page == [])
    shortened = tuple(
        replace(each, withdrawn=held.valid_from + timedelta(days=1)) if each.certificate == held.certificate else each
        for each in first.certificates
    )
    data = encode_document(replace(first, head=replace(first.head, serial=2), certificates=shortened))
    catalogue.publishing.publish(REGULATOR, data)
    (found,) = eventually(lambda: findings(world, OPEN), lambda page: len(page) == 1)
    assert (found["values"]["list_serial"], found["values"]["list_digest"]) == ("2", sha256(data).hexdigest())
    assert {each["origin"] for each in found["entries"]} == {world.origin(A), world.origin(REGULATOR)}
    response = Api(world).get(f"/v1/supervision/findings/{found['finding_id']}/evidence", institution=REGULATOR)
    root = parse_trust_root(world.settings.trust_root_file.read_bytes())
    evidence = parse_finding(response.content)
    verdict = verify_finding(evidence, root, now=NOW)
    assert [dict(each.values)["digest"] for each in verdict.proved if each.code == "document_included"] == [
        sha256(data).hexdigest()
    ]
    lie = replace(evidence, values=tuple((name, "00" * 32 if name == "list_digest" else said) for name, said in evidence.values))
    with pytest.raises(PinMismatchError):
        verify_finding(lie, root, now=NOW)
    # and back, across a restart in between: the documents that claims were judged by are kept
    world.restart()
    catalogue = world.running.node.catalogue
    assert catalogue is not None
    catalogue.publishing.publish(REGULATOR, encode_document(replace(first, head=replace(first.head, serial=3))))
    eventually(lambda: findings(world, OPEN), lambda page: page == [])
