"""The code service among members: two of three open a card, the patient reads who asked, nobody shares a code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from node.domain.access import Actor, CodeContent, RequestId
from node.domain.codes import CodeOperation, CustodianPair, IdentityDocument
from node.domain.consent_message import EmergencyId
from node.domain.consent_state import EmergencyState
from node.domain.entry import EntryType, InstitutionId, Origin
from node.domain.patient import PatientSeed
from node.domain.record import PatientNumber
from node.errors import CodeRefusedError, CodeTakenError, CustodiansAwayError, MemberAwayError, UnknownDocumentError
from node.identity.code_custody import parse_sealed_card
from node.identity.code_text import PatientCard, encode_card, parse_card
from node.identity.codes import draw_seed, exchange_private_key, keys_of_seed, patient_code, public_keys
from node.services.codes.code_desk import DeskAnswer, DeskRequest
from node.services.codes.custodians import Opening
from node.services.surface.code_exchange import CodeExchange
from node.wire.header.seal import HeaderPlace, open_header_reader
from node.wire.leaf import parse_leaf
from node.wire.locator import ORDINARY, PRIVATE, locator_tag, pairwise_key
from tests.unit.api_routes.client import Api
from tests.unit.members.neighbourhood import OTHER, Answer, Neighbourhood, deliver_by_hand, make_neighbourhood
from tests.unit.services_records.world import CLINIC, HOSPITAL, LOCATOR_SECRETS, World, report

pytestmark = pytest.mark.slow

DOCUMENT = IdentityDocument("resident-id", "440100199001011234")
ACTOR = Actor(HOSPITAL, "03.04", "a-17", "110", "password+token", "physician")
FULL_WIDTH = {ord("0") + digit: 0xFF10 + digit for digit in range(10)}
NUMBER = PatientNumber("urn:mrn", "00042")
CODES = {"institution": OTHER, "custodians": [OTHER, HOSPITAL, CLINIC], "regulator": "regulator"}


@pytest.fixture
def consortium(tmp_path: Path) -> Iterator[Neighbourhood]:
    """hospital-a and clinic-a on one node, the code service (called hospital-b) on another; all three are custodians."""
    made = make_neighbourhood(tmp_path, {"outbox_interval_s": 3600.0}, CODES).start()
    for world in (made.here, made.there):
        deliver_by_hand(world)
    made.change(OTHER, lambda member: replace(member, roles=("code-service",)))
    yield made
    made.stop()


def codes(world: World) -> CodeExchange:
    found = world.running.node.codes
    assert found is not None
    return found


def ask(
    consortium: Neighbourhood,
    operation: CodeOperation,
    *,
    number: PatientNumber | None = None,
    document: IdentityDocument = DOCUMENT,
    card: str = "",
    emergency_id: bytes | None = None,
    institution: InstitutionId = HOSPITAL,
) -> DeskAnswer:
    actor = replace(ACTOR, institution=institution)
    request = DeskRequest(operation, document, actor, number, card, emergency_id)
    return codes(consortium.here).desk.ask(institution, request)


def card_of(seed: PatientSeed) -> str:
    return encode_card(PatientCard(patient_code(seed), public_keys(seed)))


def issue(consortium: Neighbourhood) -> PatientSeed:
    seed = draw_seed()
    assert ask(consortium, CodeOperation.ISSUE, card=card_of(seed)).seed is None
    return seed


def events(consortium: Neighbourhood, seed: PatientSeed) -> list[CodeContent]:
    """Read what the patient reads in the code service's log."""
    world, origin = consortium.there, Origin(f"{OTHER}.example/log")
    key = pairwise_key(exchange_private_key(seed), world.running.sharing.identities[OTHER].exchange_public_key)
    rows = world.rows("SELECT leaf, header FROM entries JOIN headers USING (origin, leaf_index)")
    headers = {parse_leaf(leaf).tag: header for leaf, header in rows}
    found: list[CodeContent] = []
    while (tag := locator_tag(key, origin, PRIVATE, len(found))) in headers:
        content = open_header_reader(headers[tag], HeaderPlace(origin, EntryType.ACCESS_RECEIPT, tag), key).content
        assert isinstance(content, CodeContent)
        found.append(content)
    return found


def lose(*institutions: InstitutionId) -> object:
    """Let custodians be away: their layers are not opened."""

    def meddle(request: httpx.Request, answer: Answer) -> httpx.Response:
        if request.url.path == "/v1/codes/layers" and any(each.encode() in request.content for each in institutions):
            raise httpx.ConnectError("nobody listens", request=request)
        return answer(request)

    return meddle


def test_a_code_is_issued_and_its_keys_are_released_to_who_read_the_document(consortium: Neighbourhood) -> None:
    seed = issue(consortium)
    answer = ask(consortium, CodeOperation.RELEASE, number=NUMBER)
    assert (answer.registered, answer.replaced) == (True, False)
    receipt = consortium.here.receipt(report("1"))
    (leaf,) = (parse_leaf(leaf) for (leaf,) in consortium.here.rows("SELECT leaf FROM entries"))
    keys = keys_of_seed(seed, LOCATOR_SECRETS, provisional=False)
    assert leaf.tag == locator_tag(keys.epoch_keys[1], receipt.origin, ORDINARY, 0)
    assert [(one.what, one.institution, one.actor.staff_number) for one in events(consortium, seed)] == [
        ("issued", HOSPITAL, "a-17"),
        ("released", HOSPITAL, "a-17"),
    ]


def test_a_seed_that_the_service_draws_is_shown_once_and_kept_nowhere(consortium: Neighbourhood) -> None:
    answer = ask(consortium, CodeOperation.ISSUE)
    assert answer.seed is not None
    assert parse_card(answer.card).code == patient_code(answer.seed)
    for needle in (answer.seed, patient_code(answer.seed), DOCUMENT.number.encode()):
        assert needle not in consortium.there.file_bytes()
        assert needle.hex().encode() not in consortium.there.file_bytes()


def test_a_document_is_the_same_however_it_is_typed(consortium: Neighbourhood) -> None:
    issue(consortium)
    typed = IdentityDocument("Resident-ID", f" {DOCUMENT.number.translate(FULL_WIDTH)} ")
    assert ask(consortium, CodeOperation.RELEASE, document=typed, number=NUMBER).registered


def test_document_numbers_and_keys_are_never_in_clear_on_the_way(consortium: Neighbourhood) -> None:
    seed = issue(consortium)
    ask(consortium, CodeOperation.RELEASE, number=NUMBER)
    sent = b"".join(request.content for request in consortium.network.sent)
    assert DOCUMENT.number.encode() not in sent
    assert patient_code(seed).hex().encode() not in sent


def test_two_of_three_custodians_are_enough(consortium: Neighbourhood) -> None:
    issue(consortium)
    consortium.network.meddle = lose(HOSPITAL)  # type: ignore[assignment]
    assert ask(consortium, CodeOperation.RELEASE, number=NUMBER).registered
    consortium.network.meddle = lose(CLINIC)  # type: ignore[assignment]
    assert ask(consortium, CodeOperation.RELEASE, number=NUMBER).registered


def test_the_code_service_alone_opens_nothing(consortium: Neighbourhood) -> None:
    issue(consortium)
    consortium.network.meddle = lose(HOSPITAL, CLINIC)  # type: ignore[assignment]
    with pytest.raises(CustodiansAwayError):
        ask(consortium, CodeOperation.RELEASE, number=NUMBER)
    assert consortium.here.rows("SELECT * FROM patients") == []


def test_custodians_keep_what_they_opened(consortium: Neighbourhood) -> None:
    issue(consortium)
    ask(consortium, CodeOperation.RELEASE, number=NUMBER)
    opened = [(row.asker, row.operation, row.boxes) for row in codes(consortium.here).custodians.page(HOSPITAL, 10)]
    assert opened == [(OTHER, "release", 1)]
    assert Api(consortium.here).get("/v1/codes/openings").json()["openings"][0]["operation"] == "release"


def test_a_custodian_opens_for_the_code_service_only(consortium: Neighbourhood) -> None:
    issue(consortium)
    (sealed,) = (parse_sealed_card(card) for (card,) in consortium.there.rows("SELECT sealed_card FROM code_cards"))
    box = sealed.boxes[CustodianPair(HOSPITAL, OTHER)]
    opening = Opening("release", RequestId("0" * 32), [box])
    custodians = codes(consortium.here).custodians
    assert len(custodians.open_layers(HOSPITAL, OTHER, opening)) == 1
    with pytest.raises(CodeRefusedError):
        custodians.open_layers(HOSPITAL, CLINIC, opening)
    consortium.suspend(OTHER)
    with pytest.raises(CodeRefusedError):
        custodians.open_layers(HOSPITAL, OTHER, opening)


def test_a_custodian_opens_no_more_within_an_hour_than_its_settings_say(tmp_path: Path) -> None:
    made = make_neighbourhood(tmp_path, {"outbox_interval_s": 3600.0}, {**CODES, "max_openings_per_hour": 1}).start()
    made.change(OTHER, lambda member: replace(member, roles=("code-service",)))
    issue(made)
    ask(made, CodeOperation.RELEASE, number=NUMBER)
    with pytest.raises(CodeRefusedError):
        ask(made, CodeOperation.RELEASE, number=NUMBER)
    made.clock.advance(hours=1, seconds=1)
    assert ask(made, CodeOperation.RELEASE, number=NUMBER).registered
    made.stop()


def test_nobody_shares_a_code_a_newborn_neither(consortium: Neighbourhood) -> None:
    seed = issue(consortium)
    newborn = IdentityDocument("birth-certificate", "G440123456")
    with pytest.raises(CodeTakenError):
        ask(consortium, CodeOperation.ISSUE, document=newborn, card=card_of(seed))
    own = ask(consortium, CodeOperation.ISSUE, document=newborn)
    assert parse_card(own.card).code != patient_code(seed)


def test_a_document_gets_one_code(consortium: Neighbourhood) -> None:
    issue(consortium)
    with pytest.raises(CodeRefusedError):
        ask(consortium, CodeOperation.ISSUE)


def test_an_unknown_document_leaves_the_provisional_code(consortium: Neighbourhood) -> None:
    with pytest.raises(UnknownDocumentError):
        ask(consortium, CodeOperation.RELEASE, number=NUMBER)


def test_a_provisional_code_is_merged_when_the_document_is_read(consortium: Neighbourhood) -> None:
    consortium.here.receipt(report("1"))
    seed = issue(consortium)
    answer = ask(consortium, CodeOperation.RELEASE, number=NUMBER)
    assert (answer.registered, answer.replaced) == (True, True)
    assert consortium.here.running.node.custody.relocations.waiting(HOSPITAL) == 2
    assert [one.what for one in events(consortium, seed)] == ["issued", "merged"]


def test_an_emergency_release_cites_its_emergency(consortium: Neighbourhood) -> None:
    seed = issue(consortium)
    own, others = EmergencyId(b"\x05" * 32), EmergencyId(b"\x06" * 32)
    for emergency, opener in ((own, HOSPITAL), (others, CLINIC)):
        consortium.ledger.emergencies[emergency] = EmergencyState(emergency, bytes(32), opener, 0, None)
    for cited in (None, b"\x07" * 32, others):
        with pytest.raises(CodeRefusedError):
            ask(consortium, CodeOperation.EMERGENCY, number=NUMBER, emergency_id=cited)
    assert ask(consortium, CodeOperation.EMERGENCY, number=NUMBER, emergency_id=own).registered
    last = events(consortium, seed)[-1]
    assert (last.what, last.emergency_id) == ("emergency-released", own)


def test_with_the_chain_away_the_signed_word_counts_and_stays_in_the_log(consortium: Neighbourhood) -> None:
    seed = issue(consortium)
    consortium.ledger.away = True
    assert ask(consortium, CodeOperation.EMERGENCY, number=NUMBER, emergency_id=b"\x05" * 32).registered
    assert events(consortium, seed)[-1].emergency_id == b"\x05" * 32


def test_a_changed_code_reaches_who_has_the_old_keys_and_nobody_else(consortium: Neighbourhood) -> None:
    old = issue(consortium)
    ask(consortium, CodeOperation.RELEASE, number=NUMBER)
    ask(consortium, CodeOperation.RELEASE, number=NUMBER, institution=CLINIC)
    consortium.here.receipt(report("1"))
    consortium.here.receipt(report("1"), CLINIC)
    new = draw_seed()
    answer = ask(consortium, CodeOperation.CHANGE, number=NUMBER, card=card_of(new))
    assert (answer.registered, answer.replaced) == (True, True)
    outbox = consortium.there.running.node.exchange
    assert outbox is not None
    assert [row.message.recipient for row in outbox.outbox.unacknowledged(OTHER, 10)] == [CLINIC]
    outbox.outbox.deliver()
    waiting = consortium.here.running.node.custody.relocations.waiting
    assert (waiting(HOSPITAL), waiting(CLINIC)) == (2, 2)
    assert [one.what for one in events(consortium, old)][-1] == "changed"
    assert [one.what for one in events(consortium, new)] == ["changed"]
    with pytest.raises(CodeTakenError):
        ask(consortium, CodeOperation.ISSUE, document=IdentityDocument("passport", "E1"), card=card_of(old))


def test_keys_of_a_new_epoch_go_to_who_has_the_older_ones(consortium: Neighbourhood, tmp_path: Path) -> None:
    seed = issue(consortium)
    ask(consortium, CodeOperation.RELEASE, number=NUMBER)
    assert codes(consortium.there).service is not None
    (tmp_path / "there" / "keys" / "locator" / "2.key").write_text("02" * 32 + "\n")
    (tmp_path / "there" / "keys" / "locator" / "2.key").chmod(0o600)
    consortium.there.restart()
    consortium.refresh()
    service = codes(consortium.there).service
    assert service is not None
    assert service.reissue() == 1
    assert service.reissue() == 0
    exchange = consortium.there.running.node.exchange
    assert exchange is not None
    exchange.outbox.deliver()
    receipt = consortium.here.receipt(report("1"))
    (leaf,) = (parse_leaf(leaf) for (leaf,) in consortium.here.rows("SELECT leaf FROM entries"))
    keys = keys_of_seed(seed, {2: b"\x02" * 32}, provisional=False)
    assert leaf.tag == locator_tag(keys.epoch_keys[2], receipt.origin, ORDINARY, 0)
    assert [one.what for one in events(consortium, seed)] == ["issued", "released", "reissued"]


def test_keys_from_who_is_not_the_code_service_are_refused(consortium: Neighbourhood) -> None:
    issue(consortium)
    ask(consortium, CodeOperation.RELEASE, number=NUMBER, institution=CLINIC)
    ask(consortium, CodeOperation.CHANGE, number=NUMBER)
    consortium.change(OTHER, lambda member: replace(member, roles=("hospital",)))
    exchange = consortium.there.running.node.exchange
    assert exchange is not None
    exchange.outbox.deliver()
    (row,) = exchange.outbox.unacknowledged(OTHER, 10)
    assert row.attempts == 1


def test_an_insurer_gets_no_keys(consortium: Neighbourhood) -> None:
    issue(consortium)
    consortium.change(CLINIC, lambda member: replace(member, roles=("insurer",)))
    with pytest.raises(CodeRefusedError):
        ask(consortium, CodeOperation.RELEASE, number=NUMBER, institution=CLINIC)


def test_a_code_service_that_is_away_is_an_error_of_its_own(consortium: Neighbourhood) -> None:
    def gone(request: httpx.Request, answer: Answer) -> httpx.Response:
        del answer
        raise httpx.ConnectError("nobody listens", request=request)

    consortium.network.meddle = gone
    with pytest.raises(MemberAwayError):
        ask(consortium, CodeOperation.RELEASE, number=NUMBER)


def test_staff_ask_over_the_api_and_errors_repeat_nothing(consortium: Neighbourhood) -> None:
    api = Api(consortium.here)
    body = (
        '{"operation": "issue", "document_kind": "resident-id", "document_number": "440100199001011234",'
        ' "actor": {"staff_number": "a-17", "authentication": "token"}}'
    )
    issued = api.call("POST", "/v1/patients/code", content=body)
    assert issued.status_code == httpx.codes.OK
    assert parse_card(issued.json()["card"]).code
    again = api.call("POST", "/v1/patients/code", content=body)
    broken = api.call("POST", "/v1/patients/code", content=body.replace('"staff_number"', '"staff"'))
    assert (again.status_code, broken.status_code) == (403, 422)
    assert "440100199001011234" not in again.text + broken.text
