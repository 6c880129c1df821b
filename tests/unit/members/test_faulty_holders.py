"""Holders that send what they should not, correctly signed: nothing of it is kept or shown, and the refusal has a name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import httpx
import pytest

from node.domain.access import AccessOutcome, RequestId
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.domain.receipt import Receipt
from node.domain.retrieval import RequestState
from node.policy.decision import Permit, permit_own
from node.policy.facts import RecordState
from node.services.members.signed_requests import ReceivedRequest
from node.services.reading.disclosure_stream import seal_disclosure
from node.wire.evidence.file import Evidence, OpenedPart
from node.wire.members.disclosure import DISCLOSURE_MEDIA_TYPE, DisclosureBasis
from node.wire.members.http_signature import SignatureTag
from node.wire.members.sealed_stream import seal_frames
from tests.unit.members.neighbourhood import OTHER, Answer, Neighbourhood, away, honest
from tests.unit.members.patients import Patient, eventually, reading, states
from tests.unit.services_records.world import CLINIC, HOSPITAL, report


@dataclass
class Holder:
    """hospital-a, answering what a test wants it to."""

    town: Neighbourhood
    receipt: Receipt

    def evidence(self, receipt: Receipt | None = None) -> Evidence:
        """Return evidence of one of its records, as an honest holder would make it."""
        of = receipt or self.receipt
        service = self.town.here.running.node.evidence
        record = self.town.here.running.node.reader.record(of.record_id)
        assert record is not None
        entry = record.entries[of.version - 1]
        reference = LeafReference(Origin(of.origin), entry.leaf_hash)
        permit = permit_own(record.institution, record.institution, reference, RecordState.AVAILABLE)
        assert isinstance(permit, Permit)
        return service.disclose(service.prove(entry), permit, None)

    def recipient(self, institution: InstitutionId = OTHER) -> bytes:
        world = self.town.there if institution == OTHER else self.town.here
        return world.running.sharing.identities[institution].exchange_public_key

    def send(self, request: httpx.Request, stream: bytes, media_type: str = DISCLOSURE_MEDIA_TYPE) -> httpx.Response:
        """Answer a request with a stream, signed as the holder signs."""
        exchange = self.town.here.running.node.exchange
        assert exchange is not None
        headers = {name.lower(): value for name, value in request.headers.items()}
        received = ReceivedRequest(request.method, request.url.raw_path.decode(), headers, request.content)
        signer = exchange.signed.recognise(received, SignatureTag.RETRIEVE)
        signed = exchange.signed.sign_answer(200, media_type, hashlib.sha256(stream).digest(), signer, HOSPITAL)
        return httpx.Response(200, headers={"content-type": media_type} | signed, content=stream)


def sealed(evidence: Evidence, recipient: bytes, request_id: RequestId) -> bytes:
    stream = seal_disclosure(DisclosureBasis(None, None, None), evidence, recipient, request_id).stream
    with stream:
        return stream.read()


Make = Callable[[Holder, RequestId], bytes]


def another_patients(holder: Holder, request_id: RequestId) -> bytes:
    other = Patient(holder.town).file(value="another patient's")
    return sealed(holder.evidence(other), holder.recipient(), request_id)


def of_another_log(holder: Holder, request_id: RequestId) -> bytes:
    receipt = holder.town.here.receipt(report("F-clinic"), CLINIC)
    holder.town.here.wait_logged(receipt)
    return sealed(holder.evidence(receipt), holder.recipient(), request_id)


def changed(part: OpenedPart) -> OpenedPart:
    return replace(part, content=part.content[:-1] + b"!")


def altered_part(holder: Holder, request_id: RequestId) -> bytes:
    evidence = holder.evidence()
    return sealed(replace(evidence, parts=(changed(evidence.parts[0]), *evidence.parts[1:])), holder.recipient(), request_id)


def altered_manifest(holder: Holder, request_id: RequestId) -> bytes:
    evidence = holder.evidence()
    manifest = replace(evidence.manifest, content=evidence.manifest.content.replace(b'"final"', b'"FINAL"'))
    return sealed(replace(evidence, manifest=manifest), holder.recipient(), request_id)


def altered_leaf(holder: Holder, request_id: RequestId) -> bytes:
    evidence = holder.evidence()
    return sealed(replace(evidence, leaf=evidence.leaf[:-1] + bytes((evidence.leaf[-1] ^ 1,))), holder.recipient(), request_id)


def parts_twice(holder: Holder, request_id: RequestId) -> bytes:
    evidence = holder.evidence()
    return sealed(replace(evidence, parts=(evidence.parts[0], evidence.parts[0])), holder.recipient(), request_id)


def for_another_request(holder: Holder, request_id: RequestId) -> bytes:
    del request_id
    return sealed(holder.evidence(), holder.recipient(), RequestId("f" * 32))


def to_somebody_else(holder: Holder, request_id: RequestId) -> bytes:
    return sealed(holder.evidence(), holder.recipient(CLINIC), request_id)


def cut_off(holder: Holder, request_id: RequestId) -> bytes:
    return sealed(holder.evidence(), holder.recipient(), request_id)[:-40]


def goes_on(holder: Holder, request_id: RequestId) -> bytes:
    return sealed(holder.evidence(), holder.recipient(), request_id) + b"\0"


def flipped_bit(holder: Holder, request_id: RequestId) -> bytes:
    stream = bytearray(sealed(holder.evidence(), holder.recipient(), request_id))
    stream[-20] ^= 1
    return bytes(stream)


def of_another_version(holder: Holder, request_id: RequestId) -> bytes:
    return b"\2" + sealed(holder.evidence(), holder.recipient(), request_id)[1:]


def without_a_head(holder: Holder, request_id: RequestId) -> bytes:
    frame = b'{"version":1,"consent_id":null,"block":null,"emergency_id":null}'
    return b"".join(seal_frames([frame], holder.recipient(), request_id.encode()))


def no_stream(holder: Holder, request_id: RequestId) -> bytes:
    del holder, request_id
    return b"\1nothing of the kind"


FAULTS: list[tuple[Make, str]] = [
    (another_patients, "ForeignDisclosureError"),
    (of_another_log, "ForeignDisclosureError"),
    (altered_part, "OpeningRefutedError"),
    (altered_manifest, "OpeningRefutedError"),
    (altered_leaf, "LogInclusionError"),
    (parts_twice, "ForeignDisclosureError"),
    (for_another_request, "DisclosureSealError"),
    (to_somebody_else, "SealedMessageError"),
    (cut_off, "MalformedDisclosureError"),
    (goes_on, "MalformedDisclosureError"),
    (flipped_bit, "DisclosureSealError"),
    (of_another_version, "UnknownFormatError"),
    (without_a_head, "MalformedDisclosureError"),
    (no_stream, "MalformedDisclosureError"),
]


@pytest.mark.parametrize(("make", "name"), FAULTS, ids=[make.__name__ for make, _ in FAULTS])
def test_what_is_not_what_was_asked_for_is_rejected_by_name(patient: Patient, make: Make, name: str) -> None:
    holder = Holder(patient.neighbours, patient.file(value="the report"))

    def meddle(request: httpx.Request, answer: Answer) -> httpx.Response:
        del answer
        request_id = RequestId(request.content.partition(b'"request_id":"')[2][:32].decode())
        patient.neighbours.network.meddle = honest
        return holder.send(request, make(holder, request_id))

    order = patient.order(patient.grant())
    patient.neighbours.network.meddle = meddle
    service = reading(patient.neighbours.there).retrieval
    (ordered,) = service.order(OTHER, order)
    (request,) = service.wait(OTHER, ordered.retrieval_id, 60)
    assert states([request]) == [("rejected", name)]
    assert patient.neighbours.there.rows("select * from retrieved_parts where request_id = ?", request.request_id) == []
    assert [(entry.outcome, entry.reason) for entry in patient.requester_log] == [(AccessOutcome.REJECTED, name)]


def truncated(request: httpx.Request, answer: Answer) -> httpx.Response:
    whole = answer(request)
    raise httpx.RemoteProtocolError(f"it broke off after {len(whole.content) // 2} bytes", request=request)


def altered_on_the_way(request: httpx.Request, answer: Answer) -> httpx.Response:
    whole = answer(request)
    content = bytearray(whole.content)
    content[len(content) // 2] ^= 1
    return httpx.Response(whole.status_code, headers=whole.headers, content=bytes(content))


def another_media_type(request: httpx.Request, answer: Answer) -> httpx.Response:
    return httpx.Response(200, headers=dict(answer(request).headers) | {"content-type": "text/html"}, content=b"<html>")


ON_THE_WAY: list[tuple[Callable[[httpx.Request, Answer], httpx.Response], str]] = [
    (truncated, "MemberAwayError"),
    (altered_on_the_way, "ResponseSignatureError"),
    (another_media_type, "ResponseSignatureError"),
]


@pytest.mark.parametrize(("meddle", "name"), ON_THE_WAY, ids=[meddle.__name__ for meddle, _ in ON_THE_WAY])
def test_what_breaks_on_the_way_is_asked_for_again(
    patient: Patient, meddle: Callable[[httpx.Request, Answer], httpx.Response], name: str
) -> None:
    patient.file()
    order = patient.order(patient.grant())
    patient.neighbours.network.meddle = meddle
    service = reading(patient.neighbours.there).retrieval
    (ordered,) = service.order(OTHER, order)
    (request,) = service.wait(OTHER, ordered.retrieval_id, 60)
    assert states([request]) == [("holder-away", name)]
    patient.neighbours.network.meddle = honest
    patient.neighbours.clock.advance(seconds=2)
    eventually(lambda: service.show(OTHER, ordered.retrieval_id)[0].state is RequestState.VERIFIED, "it is not asked again")
    assert [entry.outcome for entry in patient.holder_log] == [AccessOutcome.DISCLOSED]


def test_another_version_than_the_header_says_is_rejected(patient: Patient) -> None:
    patient.file()
    order = patient.order(patient.grant())
    there = patient.neighbours.there

    patient.neighbours.network.meddle = away
    service = reading(there).retrieval
    (ordered,) = service.order(OTHER, order)
    service.wait(OTHER, ordered.retrieval_id, 60)
    # what an index that lags would have made of it
    there.rows("update retrieval_requests set version = 2 where request_id = ?", ordered.request_id)
    patient.neighbours.network.meddle = honest
    patient.neighbours.clock.advance(seconds=2)
    eventually(lambda: service.show(OTHER, ordered.retrieval_id)[0].settled_at_ms is not None, "it is not asked again")
    assert states(service.show(OTHER, ordered.retrieval_id)) == [("rejected", "OutdatedDisclosureError")]


def test_a_crash_before_the_end_loses_nothing(neighbours: Neighbourhood) -> None:
    patient = Patient(neighbours)
    patient.file()
    order = patient.order(patient.grant())
    there = neighbours.there
    (ordered,) = reading(there).retrieval.order(OTHER, order)
    reading(there).retrieval.wait(OTHER, ordered.retrieval_id, 60)
    # as a crash leaves it that came after half of the parts were kept
    there.rows(
        "update retrieval_requests set state = 'received', settled_at_ms = null, next_attempt_at_ms = 0 where request_id = ?",
        ordered.request_id,
    )
    there.restart()
    neighbours.refresh()
    service = reading(there).retrieval
    eventually(lambda: service.show(OTHER, ordered.retrieval_id)[0].settled_at_ms is not None, "it is not taken up again")
    assert states(service.show(OTHER, ordered.retrieval_id)) == [("verified", "")]
    assert service.evidence(OTHER, ordered.retrieval_id, ordered.request_id)
    assert [entry.outcome for entry in patient.holder_log] == [AccessOutcome.DISCLOSED]
