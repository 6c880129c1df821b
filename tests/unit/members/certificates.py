"""Certificates of decisions at hospital-b, as a stranger reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from node.domain.certificate_verdict import CertificateVerdict
from node.domain.entry import InstitutionId, Origin
from node.domain.recognition_acts import DecisionId
from node.domain.trust import TrustRoot
from node.errors import NotYetLoggedError
from node.recognition.decision import Recognise
from node.services.recognition.checking import CheckAnswer
from node.services.recognition.deciding import DecisionAnswer
from node.wire.certificate.file import DecisionCertificate, parse_certificate
from node.wire.certificate.verification import verify_certificate
from node.wire.trust_root import parse_trust_root
from tests.unit.members.neighbourhood import OTHER, Neighbourhood
from tests.unit.members.orders import check, decide, file_electrolytes, recognition
from tests.unit.members.patients import ACTOR, Patient, eventually
from tests.unit.services_records.world import CLINIC, HOSPITAL, World

OWN_LOG = Origin(f"{OTHER}.example/log")


@dataclass(frozen=True)
class Recognised:
    """A result of hospital-a that hospital-b recognised."""

    answer: CheckAnswer
    decision: DecisionAnswer


def recognise(patient: Patient) -> Recognised:
    """Check an order of hospital-b, retrieve what is offered and recognise it."""
    if not patient.receipts:
        file_electrolytes(patient)
    answer = check(patient)
    assert "verified" in [request.state.value for request in patient.retrieve(patient.grant())]
    (offer,) = answer.outcome.lines[0].offers
    return Recognised(answer, decide(patient, answer, Recognise((offer.leaf,))))


def correct(patient: Patient, at: int = 0, **changes: object) -> None:
    """Let hospital-a file another version of what it has filed."""
    number = f"E-{patient.number}-{at}"
    values = {"status": "corrected", "conclusion": "mended"} | changes
    file_electrolytes(patient, identifier=[{"system": "urn:filler", "value": number}], **values)


def take_back(patient: Patient, decision: DecisionAnswer) -> None:
    recognition(patient.neighbours.there).deciding.reverse(OTHER, decision.decision_id, ACTOR)


def end_hour(neighbours: Neighbourhood) -> None:
    """Let the hour end, and its checks be logged."""
    neighbours.clock.advance(hours=1)
    recognition(neighbours.there).leaves.step()


def export(
    neighbours: Neighbourhood,
    decision: DecisionId,
    wanted: Callable[[DecisionCertificate], bool] = lambda _: True,
    at: tuple[World, InstitutionId] | None = None,
) -> DecisionCertificate:
    """Export a certificate, of hospital-b unless another is named, once the entries are logged and followed."""
    made: list[DecisionCertificate] = []
    world, institution = at or (neighbours.there, OTHER)

    def is_made() -> bool:
        world.follow(*(Origin(f"{name}.example/log") for name in (OTHER, HOSPITAL, CLINIC)))
        try:
            made.append(parse_certificate(recognition(world).certificates.export(institution, decision)))
        except NotYetLoggedError:
            return False
        return wanted(made[-1])

    eventually(is_made, "the decision is not logged, or what is wanted does not come")
    return made[-1]


def is_complete(made: DecisionCertificate) -> bool:
    """Tell whether the check is logged, the decision taken back and a result replaced."""
    return made.check is not None and made.reversal is not None and bool(made.later)


def trust_root(neighbours: Neighbourhood) -> TrustRoot:
    return parse_trust_root((neighbours.there.directory / "trust-root.note").read_bytes())


def verify(neighbours: Neighbourhood, certificate: DecisionCertificate) -> CertificateVerdict:
    return verify_certificate(certificate, trust_root(neighbours), now=neighbours.clock.now())


def codes(verdict: CertificateVerdict) -> set[str]:
    """Return what was proved, what was not, and what is remarked on."""
    return {each.code for each in (*verdict.proved, *verdict.not_proved, *verdict.remarks)}
