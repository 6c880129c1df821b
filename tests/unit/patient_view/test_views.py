"""A patient sees what the logs hold, and believes no node: what is hidden between others is told, what is altered is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from node.domain.access import AccessOutcome, ConsentContent, ConsentId, Purpose
from node.domain.entry import EntryType, Origin
from node.domain.header import HeaderContent
from node.services.patient_view.gathering import BLOCK, PatientView, gather
from node.wire.evidence.bundle import encode_bundle_file, parse_bundle_file
from node.wire.evidence.bundle_verification import verify_bundle
from node.wire.patient.entries import AnsweredEntry, AnsweredLog, TagsByLog, encode_request, parse_answer
from node.wire.patient.file import PatientFile
from node.wire.trust_root import parse_trust_root
from tests.unit.api_routes.client import Api
from tests.unit.evidence_verify.world import NOW
from tests.unit.services_records.world import World, report
from tests.unit.services_supervision.consortium import (
    HOLDER,
    PATIENT,
    REQUESTER,
    SEED,
    A,
    B,
    eventually,
    log_act,
    log_receipt,
    make_consortium,
)

pytestmark = pytest.mark.slow

FILE = PatientFile(SEED, PATIENT.epoch_keys)
LOG = Origin(f"{A}.example/log")

Change = Callable[[AnsweredEntry], AnsweredEntry | None]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_consortium(tmp_path / "n").start()
    register(made)
    yield made
    made.stop()


def register(world: World) -> None:
    """Release the patient's keys to hospital A, under the number that its reports name."""
    body = {
        "patient_system": "urn:mrn",
        "patient_number": "00042",
        "epoch_keys": {str(epoch): key.hex() for epoch, key in PATIENT.epoch_keys.items()},
        "exchange_public_key": PATIENT.exchange_public_key.hex(),
        "signing_public_key": PATIENT.signing_public_key.hex(),
        "pseudonym": None if PATIENT.pseudonym is None else PATIENT.pseudonym.hex(),
    }
    assert Api(world).call("POST", "/v1/patients", content=json.dumps(body)).status_code == 201


@dataclass
class Gateway:
    """Asks the node's application, without a key; what comes back can be changed."""

    world: World
    change: Change

    def exchange_keys(self, origin: Origin) -> Sequence[bytes]:
        answer = Api(self.world).get("/v1/patient/keys", institution=None).json()
        return [bytes.fromhex(key) for key in answer["logs"][origin]["exchange_keys"]]

    def entries(self, origin: Origin, tags: TagsByLog) -> Mapping[Origin, AnsweredLog]:
        response = Api(self.world).call("POST", "/v1/patient/entries", institution=None, content=encode_request(tags))
        assert response.status_code == 200, response.text
        answer = parse_answer(response.content)
        log = answer.get(origin)
        if log is None:
            return {}
        changed = (self.change(entry) for entry in log.entries)
        return {origin: replace(log, entries=tuple(entry for entry in changed if entry is not None))}


def view(world: World, change: Change = lambda entry: entry) -> PatientView:
    root = parse_trust_root(world.settings.trust_root_file.read_bytes())
    return gather(FILE, root, Gateway(world, change))


def wait_for_lines(world: World, count: int) -> PatientView:
    return eventually(lambda: view(world), lambda seen: shows(seen, count))


def shows(seen: PatientView, count: int) -> bool:
    """Tell whether a view has so many lines, with their headers: these are followed a moment after the leaves."""
    return len(seen.lines) == count and all(each.line.header is not None for each in seen.lines)


def make_consent() -> ConsentContent:
    return ConsentContent(
        consent_id=ConsentId(b"\x09" * 32),
        asserted=False,
        granter=A,
        grantee=B,
        purposes=(Purpose.TREATMENT,),
        expires_at_ms=1_800_000_000_000,
        revoked=False,
        occurred_at_ms=1_772_366_400_000,
    )


def fill(world: World) -> None:
    world.wait_logged(world.receipt(report(), A))
    log_act(world, A, make_consent(), EntryType.CONSENT_DOCUMENT)
    log_receipt(world, HOLDER)
    log_receipt(world, REQUESTER, AccessOutcome.DENIED)


def test_the_patient_sees_results_consents_and_who_looked_from_both_sides(world: World) -> None:
    fill(world)
    seen = wait_for_lines(world, 4)
    assert seen.troubles == ()
    contents = [each.line.header.content for each in seen.lines if each.line.header is not None]
    assert isinstance(contents[0], HeaderContent)
    assert contents[1] == make_consent()
    assert [(each.line.institution, each.key.tag_class) for each in seen.lines] == [(A, 0), (A, 1), (A, 1), (B, 1)]


def test_a_bundle_of_it_verifies_offline_and_holds_no_key(world: World) -> None:
    fill(world)
    bundle = wait_for_lines(world, 4).bundle(0, evidence={}, completeness=())
    written = encode_bundle_file(bundle)
    root = parse_trust_root(world.settings.trust_root_file.read_bytes())
    verdict = verify_bundle(parse_bundle_file(written), root, now=NOW)
    assert [line.entry_type for line in verdict.lines].count(EntryType.ACCESS_RECEIPT) == 2
    assert all(line.header is not None for line in verdict.lines)


def test_more_than_a_block_is_asked_for_until_the_end(world: World) -> None:
    for _ in range(BLOCK + 1):
        log_receipt(world, HOLDER)
    seen = wait_for_lines(world, BLOCK + 1)
    assert [each.counter for each in seen.lines] == list(range(BLOCK + 1))


def test_an_entry_that_a_node_keeps_back_between_others_is_told_as_a_gap(world: World) -> None:
    for _ in range(3):
        log_receipt(world, HOLDER)
    seen = wait_for_lines(world, 3)
    hidden = seen.lines[1].line.leaf_index
    partial = view(world, lambda entry: None if entry.index == hidden else entry)
    assert [(each.origin, each.reason) for each in partial.troubles] == [(LOG, "gap")]
    assert len(partial.lines) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: replace(entry, index=entry.index + 1),
        lambda entry: replace(entry, leaf=entry.leaf[:-1] + bytes((entry.leaf[-1] ^ 1,))),
        lambda entry: replace(entry, header=entry.header[:-1] + bytes((entry.header[-1] ^ 1,))),
        lambda entry: replace(entry, proof=(*entry.proof, bytes(32))),
    ],
    ids=["index", "leaf", "header", "proof"],
)
def test_nothing_altered_is_shown(world: World, change: Change) -> None:
    log_receipt(world, HOLDER)
    wait_for_lines(world, 1)
    altered = view(world, change)
    assert altered.lines == ()
    assert [each.origin for each in altered.troubles] == [LOG]


def test_a_header_that_is_kept_back_leaves_a_closed_line(world: World) -> None:
    log_receipt(world, HOLDER)
    wait_for_lines(world, 1)
    (seen,) = view(world, lambda entry: replace(entry, header=None)).lines
    assert seen.line.header is None
    assert seen.proof.data_key is None


def test_what_is_not_there_is_answered_by_nothing(world: World) -> None:
    fill(world)
    wait_for_lines(world, 4)
    unknown = {LOG: [b"\x00" * 32], Origin("hospital-z.example/log"): [b"\x00" * 32]}
    response = Api(world).call("POST", "/v1/patient/entries", institution=None, content=encode_request(unknown))  # type: ignore[arg-type]
    answer = parse_answer(response.content)
    assert list(answer) == [LOG]
    assert answer[LOG].entries == ()


def test_requests_are_bounded_and_counted(tmp_path: Path) -> None:
    world = make_consortium(tmp_path / "n", server={"patient_requests_per_minute": 3}).start()
    api = Api(world)
    many = {LOG: [number.to_bytes(32, "big") for number in range(513)]}
    too_many = api.call("POST", "/v1/patient/entries", institution=None, content=encode_request(many))  # type: ignore[arg-type]
    assert too_many.status_code == 422
    assert api.call("POST", "/v1/patient/entries", institution=None, content=b'{"tags":{"x":["0"]}}').status_code == 400
    assert api.get("/v1/patient/keys", institution=None).status_code == 200
    assert api.get("/v1/patient/keys", institution=None).status_code == 429
    world.clock.advance(seconds=60)
    assert api.get("/v1/patient/keys", institution=None).status_code == 200
    world.stop()
