"""Who published what a decision rests on: checked against the trust root, whatever the node itself believed of its registry."""

from __future__ import annotations

from dataclasses import replace

import pytest

from node.domain.certificate_verdict import PublicationStanding
from node.domain.entry import InstitutionId
from node.errors import DocumentPublisherError
from node.services.catalogue.publishers import Publishers
from node.wire.catalogue.documents import digest_of
from node.wire.certificate.file import DecisionCertificate
from node.wire.certificate.verification import verify_certificate
from tests.unit.members.certificates import codes, export, recognise, trust_root, verify
from tests.unit.members.neighbourhood import OTHER, Neighbourhood
from tests.unit.members.patients import Patient
from tests.unit.members.publications import (
    REGULATOR,
    SHARED,
    make_regulator,
    publish,
    publish_all,
    sample,
    settle,
    slip_in,
    version,
)
from tests.unit.members.publications import catalogue as documents_of
from tests.unit.services_records.world import CLINIC, HOSPITAL


def certified(neighbours: Neighbourhood) -> DecisionCertificate:
    patient = Patient(neighbours)
    return export(neighbours, recognise(patient).decision.decision_id)


def test_documents_that_a_hospital_published_refute_a_certificate(neighbours: Neighbourhood) -> None:
    # hospital-b's node was told of a registry in which the hospital is a regulator; the consortium's trust root knows better
    neighbours.change(REGULATOR, lambda member: replace(member, roles=("regulator",)))
    publish_all(neighbours)
    certificate = certified(neighbours)
    with pytest.raises(DocumentPublisherError) as raised:
        verify(neighbours, certificate)
    assert (raised.value.publisher, raised.value.kind in SHARED) == (REGULATOR, True)
    # the same file, by a trust root in which it is one
    neighbours.trust(REGULATOR, "hospital", "regulator")
    assert "documents_published" in codes(verify(neighbours, certificate))


@pytest.mark.parametrize(
    ("sampled", "publisher", "kind"),
    [
        ("prices", HOSPITAL, "prices"),
        ("certificates", HOSPITAL, "certificates"),
        (HOSPITAL, CLINIC, "institution-map"),
    ],
    ids=["prices", "certificates", "map of another"],
)
def test_each_document_that_is_somebody_elses_to_publish_is_refuted(
    neighbours: Neighbourhood, sampled: str, publisher: InstitutionId, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_regulator(neighbours)
    publish_all(neighbours)
    # a newer one, in the log of one that may not, and a node that takes anything
    data = version(sample(sampled), 3)
    with monkeypatch.context() as careless:
        careless.setattr(Publishers, "refusal_of", lambda *_: None)
        careless.setattr(Publishers, "standing", lambda _: object())
        slip_in(neighbours, data, publisher)
        settle(neighbours, neighbours.there, lambda status: digest_of(data) in {pin.digest for pin in status.pins})
        certificate = certified(neighbours)
    with pytest.raises(DocumentPublisherError) as raised:
        verify(neighbours, certificate)
    subject = HOSPITAL if kind == "institution-map" else ""
    assert (raised.value.kind, raised.value.subject, raised.value.publisher) == (kind, subject, publisher)


def test_a_trust_root_that_does_not_say_what_a_publisher_is_proves_nothing_of_it(neighbours: Neighbourhood) -> None:
    make_regulator(neighbours)
    publish_all(neighbours)
    certificate = certified(neighbours)
    root = trust_root(neighbours)
    unknown: list[dict[InstitutionId, object]] = [
        {name: member for name, member in root.institutions.items() if name != REGULATOR},
        {**root.institutions, REGULATOR: replace(root.institutions[REGULATOR], roles=())},
    ]
    for institutions in unknown:
        verdict = verify_certificate(certificate, replace(root, institutions=institutions), now=neighbours.clock.now())  # type: ignore[arg-type]
        standing = {each.kind: each.standing for each in verdict.documents}
        assert {standing[kind] for kind in SHARED} == {PublicationStanding.ROLE_UNKNOWN}
        assert standing["institution-map"] is PublicationStanding.ENTITLED
        (finding,) = (each for each in verdict.not_proved if each.code == "publishers_unknown")
        assert all(kind in dict(finding.values)["kinds"] for kind in SHARED)
        (finding,) = (each for each in verdict.proved if each.code == "documents_published")
        assert dict(finding.values)["institutions"] == f"{HOSPITAL}, {OTHER}"


def test_what_was_published_after_the_check_did_not_hold_for_everybody_then(neighbours: Neighbourhood) -> None:
    make_regulator(neighbours)
    patient = Patient(neighbours)
    done = recognise(patient)
    neighbours.clock.advance(hours=1)
    # the very bytes that the node had used as a file
    kept = documents_of(neighbours.there).documents
    pins = {pin.kind: pin for pin in done.answer.outcome.pins if not pin.subject}
    for kind in SHARED:
        found = kept.by_digest(pins[kind].digest)
        assert found is not None
        publish(neighbours, found.data)
    certificate = export(
        neighbours,
        done.decision.decision_id,
        lambda made: sum(each.published is not None for each in made.documents) == len(SHARED),
    )
    verdict = verify(neighbours, certificate)
    standing = {each.kind: each.standing for each in verdict.documents if not each.subject}
    assert set(standing.values()) == {PublicationStanding.LATER}
    assert "documents_later" in codes(verdict)
    assert "documents_published" not in codes(verdict)
