"""Certificates of decisions at hospital-b, as a stranger reads them."""

from __future__ import annotations

from node.domain.certificate_verdict import CertificateVerdict
from node.domain.entry import Origin
from node.domain.recognition_acts import DecisionId
from node.domain.trust import TrustRoot
from node.errors import NotYetLoggedError
from node.recognition.decision import Recognise
from node.services.checking import CheckAnswer
from node.services.deciding import DecisionAnswer
from node.wire.certificate_verification import verify_certificate
from node.wire.decision_certificate import DecisionCertificate, parse_certificate
from node.wire.trust_root import parse_trust_root
from tests.unit.members.neighbourhood import OTHER, Neighbourhood
from tests.unit.members.orders import check, decide, file_electrolytes, recognition
from tests.unit.members.patients import Patient, eventually

OWN_LOG = Origin(f"{OTHER}.example/log")


def trust_root(neighbours: Neighbourhood) -> TrustRoot:
    return parse_trust_root((neighbours.there.directory / "trust-root.note").read_bytes())


def recognise(patient: Patient) -> tuple[CheckAnswer, DecisionAnswer]:
    """Check an order of hospital-b, retrieve what is offered and recognise it."""
    if not patient.receipts:
        file_electrolytes(patient)
    answer = check(patient)
    assert [request.state.value for request in patient.retrieve(patient.grant())] == ["verified"]
    (offer,) = answer.outcome.lines[0].offers
    return answer, decide(patient, answer, Recognise((offer.leaf,)))


def export(neighbours: Neighbourhood, decision: DecisionId) -> bytes:
    """Export a certificate, once the entries are logged and followed."""
    made: list[bytes] = []

    def is_made() -> bool:
        neighbours.there.running.node.following.told([OWN_LOG])
        try:
            made.append(recognition(neighbours.there).certificates.export(OTHER, decision))
        except NotYetLoggedError:
            return False
        return True

    eventually(is_made, "the decision is not logged")
    return made[-1]


def exported(neighbours: Neighbourhood, decision: DecisionId) -> DecisionCertificate:
    return parse_certificate(export(neighbours, decision))


def verify(neighbours: Neighbourhood, certificate: DecisionCertificate) -> CertificateVerdict:
    return verify_certificate(certificate, trust_root(neighbours), now=neighbours.clock.now())
