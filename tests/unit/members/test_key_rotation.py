"""An institution rotates its exchange key: what was logged under the former one is found as long as that is kept."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from node.adapters.keys.identity import FileInstitutionIdentity
from node.bootstrap.maintenance import rotate_exchange_key
from node.domain.entry import EntryType, InstitutionId, Origin
from node.domain.recognition_acts import CheckContent
from node.errors import ExchangeKeyGoneError, HeaderWrapError, SealedMessageError, UnknownOriginError
from node.identity.boxes import seal_box
from node.ports.chain.consortium import Member, RegisteredKey
from node.services.oversight.audit_keys import AuditKeys
from node.wire.header.seal import HeaderPlace, prepare_header, seal_header
from node.wire.locator import random_tag
from tests.unit.api_routes.client import Api
from tests.unit.members.certificates import OWN_LOG, codes, end_hour, export, recognise, take_back, verify
from tests.unit.members.neighbourhood import OTHER, Neighbourhood
from tests.unit.members.orders import recognition
from tests.unit.members.patients import ACTOR, Patient, eventually
from tests.unit.services_records.world import HOSPITAL, World


def rotate(neighbours: Neighbourhood, world: World, institution: InstitutionId = OTHER) -> bytes:
    """Rotate an institution's exchange key: stop, draw, register, start."""
    world.stop()
    public_key = rotate_exchange_key(world.settings, institution)
    world.start()
    at_s = int(neighbours.clock.now().timestamp())

    def register(member: Member) -> Member:
        ended = (replace(key, valid_until_s=at_s + 60) if key.kind == "exchange" else key for key in member.keys)
        return replace(member, keys=(*ended, RegisteredKey("exchange", public_key, at_s, None)))

    neighbours.change(institution, register)
    return public_key


def test_a_decision_is_certified_after_its_keys_were_rotated(neighbours: Neighbourhood) -> None:
    patient, there = Patient(neighbours), neighbours.there
    before = there.running.sharing.identities[OTHER].exchange_public_key
    done = recognise(patient)
    end_hour(neighbours)
    first = verify(neighbours, export(neighbours, done.decision.decision_id, lambda made: made.check is not None))
    public_key = rotate(neighbours, there)
    assert there.running.sharing.identities[OTHER].exchange_public_key == public_key != before
    verdict = verify(neighbours, export(neighbours, done.decision.decision_id))
    assert (verdict.results, verdict.check_index, verdict.proved) == (first.results, first.check_index, first.proved)
    # what takes it back is under the next key, and found beside what is under the former one
    take_back(patient, done.decision)
    rotate(neighbours, there)
    verdict = verify(neighbours, export(neighbours, done.decision.decision_id, lambda made: made.reversal is not None))
    assert "reversed" in codes(verdict)
    assert verdict.results[0].retrieval is not None


def test_what_is_decided_after_a_rotation_is_certified_as_before(neighbours: Neighbourhood) -> None:
    patient = Patient(neighbours)
    rotate(neighbours, neighbours.there)
    done = recognise(patient)
    verdict = verify(neighbours, export(neighbours, done.decision.decision_id))
    assert verdict.results[0].retrieval is not None


def test_a_key_that_was_destroyed_is_named(neighbours: Neighbourhood) -> None:
    patient, there = Patient(neighbours), neighbours.there
    done = recognise(patient)
    export(neighbours, done.decision.decision_id)
    rotate(neighbours, there)
    there.stop()
    shutil.rmtree(there.settings.keys / OTHER / "former-exchange")
    there.start()
    there.follow(Origin(OWN_LOG))
    with pytest.raises(ExchangeKeyGoneError) as raised:
        recognition(there).certificates.export(OTHER, done.decision.decision_id)
    assert (raised.value.institution, "former-exchange" in str(raised.value)) == (OTHER, True)
    answer = Api(there).call("GET", f"/v1/recognition/decisions/{done.decision.decision_id}/certificate", institution=OTHER)
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (410, "exchange-key-gone")


def test_the_trail_of_a_record_goes_on_over_a_rotation(neighbours: Neighbourhood) -> None:
    patient, here = Patient(neighbours), neighbours.here
    receipt = patient.file()
    patient.retrieve(patient.grant())

    def told() -> int:
        here.follow(Origin(receipt.origin))
        answer = Api(here).get(f"/v1/records/{receipt.record_id}/trail", institution=HOSPITAL)
        return len(answer.json()["lines"])

    eventually(lambda: told() == 2, "the holder's receipt is not in the trail")
    rotate(neighbours, here, HOSPITAL)
    eventually(lambda: told() == 2, "who read the record was forgotten with the key")
    # a second reading, under the next key, stands beside the first
    patient.retrieve(patient.grant())
    eventually(lambda: told() == 3, "the second reading is not in the trail")


def test_a_regulator_opens_headers_of_before_its_rotation(neighbours: Neighbourhood) -> None:
    there = neighbours.there
    former = there.running.sharing.identities[OTHER].exchange_public_key
    place = HeaderPlace(OWN_LOG, EntryType.CHECK_OUTCOME, random_tag())
    content = CheckContent(ACTOR, ())
    reader = {"reader_key": bytes(32), "reader_key_id": bytes(8), "pseudonym": None}
    sealed = seal_header(prepare_header(content, [former]), place, **reader)  # type: ignore[arg-type]
    rotate(neighbours, there)
    assert AuditKeys([there.running.sharing.identities[OTHER]]).open(sealed, place).content == content
    shutil.rmtree(there.settings.keys / OTHER / "former-exchange")
    with pytest.raises(HeaderWrapError):
        AuditKeys([FileInstitutionIdentity(there.settings.keys, OTHER)]).open(sealed, place)


def test_what_is_under_way_to_the_former_key_opens(neighbours: Neighbourhood) -> None:
    there = neighbours.there
    former = there.running.sharing.identities[OTHER].exchange_public_key
    present = rotate(neighbours, there)
    identity = FileInstitutionIdentity(there.settings.keys, OTHER)
    assert [identity.unseal(seal_box(b"secret", key)) for key in (former, present)] == [b"secret", b"secret"]
    with pytest.raises(SealedMessageError):
        identity.unseal(seal_box(b"secret", FileInstitutionIdentity(neighbours.here.settings.keys, HOSPITAL).exchange_public_key))


def test_a_rotation_that_broke_off_loses_no_key(neighbours: Neighbourhood) -> None:
    there = neighbours.there
    there.stop()
    keys = there.settings.keys / OTHER
    former = (keys / "exchange.key").read_text()
    # as after a crash: the present key is kept, the next one half written
    (keys / "former-exchange").mkdir(mode=0o700)
    shutil.copy2(keys / "exchange.key", keys / "former-exchange" / "1.key")
    (keys / "exchange.new").write_text("half")
    rotate_exchange_key(there.settings, OTHER)
    assert [path.read_text() for path in (keys / "former-exchange").iterdir()] == [former]
    assert (keys / "exchange.key").read_text() != former
    assert not (keys / "exchange.new").exists()
    with pytest.raises(UnknownOriginError):
        rotate_exchange_key(there.settings, HOSPITAL)
    there.start()
