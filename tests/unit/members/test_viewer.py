"""One-time links to results, from the check at hospital-b to the page, hospital-a's node answering or not."""

from __future__ import annotations

import asyncio
import io
import secrets
from urllib.parse import urlsplit

import httpx
import pytest

from node.domain.access import AccessContent, ConsentId
from node.domain.consent import ConsentSalt
from node.domain.consent_message import Revoke
from node.domain.recognition import Reason, ReasonCode
from node.recognition.decision import Recognise, Reorder
from node.services.recognition.checking import CheckAnswer
from node.services.recognition.view_links import hash_token
from node.wire.consent.patient import grant_as_patient
from tests.unit.api_routes.client import Api
from tests.unit.members.consents import DOMAIN, terms
from tests.unit.members.neighbourhood import OTHER, away
from tests.unit.members.orders import check, decide, file_electrolytes, own_log, recognition
from tests.unit.members.pages import read_response
from tests.unit.members.patients import Patient, eventually


@pytest.fixture
def api(patient: Patient) -> Api:
    return Api(patient.neighbours.there)


def path_of(answer: CheckAnswer) -> str:
    (link,) = answer.links
    found = urlsplit(link.url)
    assert (found.scheme, found.netloc, found.query, found.fragment) == ("https", "node-b.example", "", "")
    return found.path


def get(api: Api, path: str) -> httpx.Response:
    return api.call("GET", path, institution=None)


def post(api: Api, path: str) -> httpx.Response:
    return api.call("POST", path, institution=None, content=b"")


def requests_sent(patient: Patient) -> int:
    return len(patient.disclosure_requests)


def test_a_link_shows_what_was_retrieved_and_verified(api: Api, patient: Patient) -> None:
    file_electrolytes(patient)
    keep_consent(patient)
    answer = check(patient)
    page = read_response(post(api, path_of(answer)))
    for told in (
        "第一人民医院",
        "First People's Hospital",
        "全国HR",
        "140.1",
        "4.2",
        "mmol/L",
        "2951-2",
        "钠",
        "Sodium",
        patient.there.value,
    ):
        assert told in page.text, page.text
    assert "验证通过" in page.text
    assert answer.check_id in page.text
    (result,) = accesses(patient)
    (disclosed,) = patient.holder_log
    assert result.outcome.value == disclosed.outcome.value == "disclosed"
    assert (disclosed.actor, disclosed.purpose.value) == (result.actor, "treatment")
    # what was shown was retrieved and verified: it can be recognised
    leaf = answer.outcome.lines[0].offers[0].leaf
    assert decide(patient, answer, Recognise((leaf,))).decision.recognised == (leaf,)


def keep_consent(patient: Patient) -> ConsentId:
    """Let hospital-b keep a consent of the patient to itself, final on chain."""
    consenting = patient.neighbours.there.running.node.consenting
    assert consenting is not None
    consent = ConsentId(secrets.token_bytes(32))
    grant = grant_as_patient(patient.seed, terms(OTHER), DOMAIN, consent, ConsentSalt(b"\x0a" * 32))
    consenting.consents.hand_in(OTHER, patient.there, grant)
    eventually(lambda: consent in patient.neighbours.ledger.consents, "the consent is not on chain")
    return consent


def accesses(patient: Patient) -> list[AccessContent]:
    """Return what hospital-b logged of accesses."""
    return [each for each in own_log(patient) if isinstance(each, AccessContent)]


def test_looking_uses_nothing_up(api: Api, patient: Patient) -> None:
    file_electrolytes(patient)
    path, before = path_of(check(patient)), requests_sent(patient)
    for _ in range(3):
        page = read_response(get(api, path))
        assert [attributes.get("method") for tag, attributes in page.tags if tag == "form"] == ["post"]
        assert patient.there.value not in page.text
    assert requests_sent(patient) == before
    assert accesses(patient) == []
    read_response(post(api, path))
    assert requests_sent(patient) == before + 1


def test_a_link_opens_once(api: Api, patient: Patient) -> None:
    file_electrolytes(patient)
    path = path_of(check(patient))
    read_response(post(api, path))
    sent = requests_sent(patient)
    for again in (post(api, path), get(api, path)):
        assert "used" in read_response(again, 410).text
    assert requests_sent(patient) == sent


def test_of_many_at_once_one_opens(patient: Patient) -> None:
    file_electrolytes(patient)
    path, sent = path_of(check(patient)), requests_sent(patient)
    app = patient.neighbours.there.app

    async def press() -> list[int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://node") as client:
            answers = await asyncio.gather(*(client.post(path) for _ in range(6)))
        return sorted(answer.status_code for answer in answers)

    assert asyncio.run(press()) == [200, *[410] * 5]
    assert requests_sent(patient) == sent + 1


def test_without_consent_the_page_says_so_and_what_to_do(api: Api, patient: Patient) -> None:
    file_electrolytes(patient)
    answer = check(patient)
    page = read_response(post(api, path_of(answer)))
    assert "no consent of the patient" in page.text
    assert "140.1" not in page.text
    assert "unretrievable" in page.text
    assert "concord emergency open" in page.text
    assert [each.outcome.value for each in accesses(patient)] == ["denied"]
    wish = Reorder(Reason.OTHER, ReasonCode("unretrievable"))
    assert decide(patient, answer, wish).decision.sub_reason == "unretrievable"


def test_a_revoked_consent_is_told(api: Api, patient: Patient) -> None:
    file_electrolytes(patient)
    answer, consent = check(patient), keep_consent(patient)
    ledger = patient.neighbours.ledger
    ledger.send(Revoke(consent), None)
    page = read_response(post(api, path_of(answer)))
    assert "140.1" not in page.text
    assert "unretrievable" in page.text


def test_a_holder_that_is_away_is_told(patient: Patient) -> None:
    file_electrolytes(patient)
    answer = check(patient)
    patient.neighbours.network.meddle = away
    page = read_response(post(Api(patient.neighbours.there), path_of(answer)))
    assert "does not answer" in page.text
    assert "unretrievable" in page.text


def test_a_result_that_was_replaced_since_is_not_shown(api: Api, patient: Patient) -> None:
    file_electrolytes(patient)
    keep_consent(patient)
    path = path_of(check(patient))
    number = [{"system": "urn:filler", "value": f"E-{patient.number}-0"}]
    file_electrolytes(patient, identifier=number, status="corrected", conclusion="mended")
    page = read_response(post(api, path))
    assert "not found any more" in page.text
    assert "140.1" not in page.text


def test_a_link_expires(api: Api, patient: Patient) -> None:
    file_electrolytes(patient)
    path, clock = path_of(check(patient)), patient.neighbours.clock
    clock.advance(seconds=301)
    for answer in (get(api, path), post(api, path)):
        assert "expired" in read_response(answer, 410).text
    clock.advance(hours=25)
    recognition(patient.neighbours.there).clinic.viewing.sweep()
    assert "no such link" in read_response(get(api, path), 404).text
    token_hash = hash_token(path.rpartition("/")[2])
    assert patient.neighbours.there.rows("select count(*) from result_views where token_hash = ?", token_hash) == [(0,)]


@pytest.mark.parametrize("token", ["x", "A" * 43, "..%2f..", "%00", "é" * 40], ids=["short", "like-one", "dots", "nul", "utf-8"])
def test_a_token_of_nobody_opens_nothing(api: Api, token: str) -> None:
    for answer in (get(api, f"/view/{token}"), post(api, f"/view/{token}")):
        assert answer.status_code == 404


def test_what_a_report_says_is_shown_as_text(api: Api, patient: Patient) -> None:
    keep_consent(patient)
    attack = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&"
    file_electrolytes(patient, conclusion=attack, code={"text": attack, "coding": [{"code": "24326-1"}]})
    page = read_response(post(api, path_of(check(patient))))
    assert attack in page.text
    assert "out of scope" in page.text


def test_the_token_is_nowhere_and_no_log_line_tells_of_anyone(patient: Patient, logged: io.StringIO) -> None:
    api = Api(patient.neighbours.there)
    file_electrolytes(patient)
    path = path_of(check(patient))
    token = path.rpartition("/")[2]
    assert len(token) == 43
    read_response(get(api, path))
    read_response(post(api, path))
    read_response(post(api, path), 410)
    assert token not in logged.getvalue()
    assert patient.there.value not in logged.getvalue()
    assert token.encode() not in patient.neighbours.there.file_bytes()


def test_a_row_that_was_moved_opens_nothing(api: Api, patient: Patient) -> None:
    """Whoever writes the database cannot make one link show what another was made for."""
    file_electrolytes(patient)
    mine, other = path_of(check(patient)), path_of(check(patient, encounter="another"))
    hashes = [hash_token(path.rpartition("/")[2]) for path in (mine, other)]
    world = patient.neighbours.there
    ((sealed,),) = world.rows("select content_sealed from result_views where token_hash = ?", hashes[0])
    world.rows("update result_views set content_sealed = ? where token_hash = ?", sealed, hashes[1])
    assert post(api, other).status_code == 404


def test_checks_bear_no_links_where_browsers_do_not_come(patient: Patient) -> None:
    parts = recognition(patient.neighbours.there).checking._parts
    assert parts.links is not None
    assert parts.links.public_url == "https://node-b.example"
    file_electrolytes(patient, status="preliminary")
    assert check(patient).links == ()
