"""Requests between members: recognised by registered keys, once, for the address, body and time that were signed."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from node.adapters.keys.identity import FileInstitutionIdentity
from node.adapters.peers.signed_http import SignedHttpClient, SignedRequestAuth
from node.domain.entry import InstitutionId
from node.domain.message import MemberMessage, MessageId
from node.errors import ConcordError, MemberAnswerError, MemberAwayError, MemberRefusedError, ResponseSignatureError
from node.ports.members.requests import MemberAnswer
from node.wire.members.http_signature import SignatureTag, SignatureWindow
from node.wire.members.message import encode_message
from tests.unit.members.neighbourhood import OTHER, Answer, Neighbourhood, away
from tests.unit.services_records.world import CLINIC, HOSPITAL, MovingClock

WINDOW = SignatureWindow(30, 60)


def client_of(neighbours: Neighbourhood, identity: FileInstitutionIdentity | None = None) -> SignedHttpClient:
    """Return a client of hospital-b, or of whoever an identity says."""
    directory = neighbours.there.running.sharing.membership
    assert directory is not None
    known = identity or FileInstitutionIdentity(neighbours.there.settings.keys, OTHER)
    return SignedHttpClient(known, directory, neighbours.clock, WINDOW, timeout_s=5, transport=neighbours.network)


def message(recipient: InstitutionId = HOSPITAL, kind: str = "greeting") -> bytes:
    told = MemberMessage(MessageId(secrets.token_hex(16)), kind, OTHER, recipient, "subject", b'{"n":1}', 1_772_366_400_000)
    return encode_message(told)


def post(neighbours: Neighbourhood, body: bytes | None = None, client: SignedHttpClient | None = None) -> MemberAnswer:
    sender = client or client_of(neighbours)
    return sender.post(HOSPITAL, "/v1/inbox", message() if body is None else body, SignatureTag.INBOX)


def again(neighbours: Neighbourhood, request: httpx.Request) -> str:
    """Send a request once more, as it was; return the kind of the problem."""
    answer = neighbours.network.handle_request(request)
    answer.read()
    return str(answer.json()["type"]).removeprefix("urn:concord:problem:")


@pytest.fixture
def greeted(neighbours: Neighbourhood) -> list[MemberMessage]:
    """Messages that the handler of `greeting` acted on."""
    taken: list[MemberMessage] = []
    exchange = neighbours.here.running.node.exchange
    assert exchange is not None
    exchange.inbox.register("greeting", lambda _, told: taken.append(told))
    return taken


def test_a_member_is_recognised_behind_a_proxy_and_the_answer_is_its_own(
    neighbours: Neighbourhood, greeted: list[MemberMessage]
) -> None:
    answer = post(neighbours)
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert [told.sender for told in greeted] == [OTHER]


def test_an_institution_beside_it_is_reached_at_the_same_address(neighbours: Neighbourhood, greeted: list[MemberMessage]) -> None:
    client_of(neighbours).post(CLINIC, "/v1/inbox", message(CLINIC), SignatureTag.INBOX)
    assert [told.recipient for told in greeted] == [CLINIC]


def test_a_replay_is_refused_across_restarts_until_no_clock_accepts_it(
    neighbours: Neighbourhood, greeted: list[MemberMessage]
) -> None:
    post(neighbours)
    kept = neighbours.network.sent[-1]
    assert again(neighbours, kept) == "replayed"
    neighbours.here.restart()
    neighbours.refresh()
    assert again(neighbours, kept) == "replayed"
    neighbours.clock.advance(seconds=92)
    assert again(neighbours, kept) == "signature-time"
    post_other = client_of(neighbours).post
    with pytest.raises(MemberRefusedError, match="unknown-message-kind"):
        post_other(HOSPITAL, "/v1/inbox", message(), SignatureTag.INBOX)
    assert len(neighbours.here.rows("select * from request_nonces")) == 1, "the first one was forgotten, its time being over"
    assert len(greeted) == 1


def altered_body(request: httpx.Request) -> httpx.Request:
    return httpx.Request(request.method, request.url, headers=_without_length(request), content=request.content + b" ")


def other_path(request: httpx.Request) -> httpx.Request:
    url = request.url.copy_with(path="/v1/inbox", query=b"x=1")
    return httpx.Request(request.method, url, headers=request.headers, content=request.content)


def other_type(request: httpx.Request) -> httpx.Request:
    return _with(request, "content-type", "text/plain")


def other_digest(request: httpx.Request) -> httpx.Request:
    return _with(request, "content-digest", "sha-256=:" + "A" * 43 + "=:")


def other_nonce(request: httpx.Request) -> httpx.Request:
    nonce = request.headers["signature-input"].partition('nonce="')[2][:32]
    return _with(request, "signature-input", request.headers["signature-input"].replace(nonce, "0" * 32))


def fewer_components(request: httpx.Request) -> httpx.Request:
    return _with(request, "signature-input", request.headers["signature-input"].replace(' "content-digest"', ""))


def other_tag(request: httpx.Request) -> httpx.Request:
    return _with(request, "signature-input", request.headers["signature-input"].replace("concord-inbox", "concord-log"))


def two_signatures(request: httpx.Request) -> httpx.Request:
    stated = request.headers["signature-input"]
    return _with(request, "signature-input", f"{stated}, b{stated}")


def no_signature(request: httpx.Request) -> httpx.Request:
    headers = [(name, value) for name, value in request.headers.items() if not name.startswith("signature")]
    return httpx.Request(request.method, request.url, headers=headers, content=request.content)


def no_dictionary(request: httpx.Request) -> httpx.Request:
    return _with(request, "signature-input", "concord=(")


def foreign_key(request: httpx.Request) -> httpx.Request:
    return _with(request, "signature-input", request.headers["signature-input"].replace("hospital-b#", "hospital-a#"))


def endless(request: httpx.Request) -> httpx.Request:
    stated = request.headers["signature-input"]
    expires = stated.partition("expires=")[2].partition(";")[0]
    return _with(request, "signature-input", stated.replace(expires, str(int(expires) + 3600)))


def _with(request: httpx.Request, name: str, value: str) -> httpx.Request:
    headers = dict(request.headers.items()) | {name: value}
    return httpx.Request(request.method, request.url, headers=headers, content=request.content)


def _without_length(request: httpx.Request) -> dict[str, str]:
    return {name: value for name, value in request.headers.items() if name != "content-length"}


ALTERED: list[tuple[Callable[[httpx.Request], httpx.Request], str]] = [
    (altered_body, "signature-refuted"),
    (other_path, "signature-refuted"),
    (other_type, "signature-refuted"),
    (other_digest, "signature-refuted"),
    (other_nonce, "signature-refuted"),
    (fewer_components, "signature-refuted"),
    (other_tag, "signature-malformed"),
    (two_signatures, "signature-malformed"),
    (no_signature, "signature-malformed"),
    (no_dictionary, "signature-malformed"),
    (foreign_key, "key-not-registered"),
    (endless, "signature-time"),
]


@pytest.mark.parametrize(("alter", "slug"), ALTERED, ids=[alter.__name__ for alter, _ in ALTERED])
def test_what_was_altered_is_refused_by_name_and_uses_up_no_nonce(
    neighbours: Neighbourhood, greeted: list[MemberMessage], alter: Callable[[httpx.Request], httpx.Request], slug: str
) -> None:
    refusals: list[httpx.Response] = []

    def meddle(request: httpx.Request, answer: Answer) -> httpx.Response:
        refusals.append(answer(alter(request)))
        return answer(request)

    neighbours.network.meddle = meddle
    assert post(neighbours).status == 200
    assert refusals[0].json()["type"] == f"urn:concord:problem:{slug}"
    assert "signature" not in refusals[0].headers
    assert len(greeted) == 1


def test_a_suspended_member_and_a_key_that_ended_are_refused(neighbours: Neighbourhood, greeted: list[MemberMessage]) -> None:
    neighbours.suspend(OTHER)
    with pytest.raises(MemberAnswerError, match="key-not-registered"):
        post(neighbours)
    neighbours.change(OTHER, lambda member: replace(member, is_active=True))
    neighbours.end_keys(OTHER, int(neighbours.clock.now().timestamp()))
    with pytest.raises(MemberAnswerError, match="key-not-registered"):
        post(neighbours)
    assert greeted == []


def test_a_key_that_was_never_registered_is_refused(neighbours: Neighbourhood) -> None:
    clinic = FileInstitutionIdentity(neighbours.here.settings.keys, CLINIC)
    neighbours.change(CLINIC, lambda member: replace(member, keys=()))
    with pytest.raises(MemberAnswerError, match="key-not-registered"):
        post(neighbours, client=client_of(neighbours, clinic))


@pytest.mark.parametrize(("seconds", "works"), [(-29, True), (-31, False), (89, True), (91, False)])
def test_clocks_may_be_off_as_far_as_the_settings_say(
    neighbours: Neighbourhood, greeted: list[MemberMessage], seconds: int, *, works: bool
) -> None:
    del greeted
    other_clock = MovingClock()
    other_clock.time = neighbours.clock.time
    other_clock.advance(seconds=-seconds)
    directory = neighbours.there.running.sharing.membership
    assert directory is not None
    identity = FileInstitutionIdentity(neighbours.there.settings.keys, OTHER)
    wide = SignatureWindow(3600, 60)
    client = SignedHttpClient(identity, directory, other_clock, wide, timeout_s=5, transport=neighbours.network)
    if works:
        assert post(neighbours, client=client).status == 200
        return
    with pytest.raises(MemberAnswerError, match="signature-time"):
        post(neighbours, client=client)


def test_a_body_for_another_institution_is_refused(neighbours: Neighbourhood) -> None:
    with pytest.raises(MemberAnswerError, match="wrong-audience"):
        post(neighbours, message(OTHER))
    with pytest.raises(MemberAnswerError, match="refused"):
        post(neighbours, b"{}")


def test_a_refusal_of_a_verified_request_is_signed(neighbours: Neighbourhood) -> None:
    with pytest.raises(MemberRefusedError, match="unknown-message-kind") as refused:
        post(neighbours, message(kind="never-heard"))
    assert refused.value.status == 422


def changed_status(answer: httpx.Response, _: httpx.Response) -> httpx.Response:
    return httpx.Response(201, headers=answer.headers, content=answer.content)


def changed_content(answer: httpx.Response, _: httpx.Response) -> httpx.Response:
    headers = [(name, value) for name, value in answer.headers.items() if name != "content-length"]
    return httpx.Response(answer.status_code, headers=headers, content=answer.content.replace(b'"', b" "))


def earlier_answer(_: httpx.Response, earlier: httpx.Response) -> httpx.Response:
    return earlier


def without_signature_parameter(answer: httpx.Response, _: httpx.Response) -> httpx.Response:
    stated = answer.headers["signature-input"].replace(";nonce=", ";other=")
    return httpx.Response(answer.status_code, headers=dict(answer.headers) | {"signature-input": stated}, content=answer.content)


CHANGES = [changed_status, changed_content, earlier_answer, without_signature_parameter]


@pytest.mark.parametrize("change", CHANGES, ids=[change.__name__ for change in CHANGES])
def test_an_answer_counts_only_as_it_was_signed_for_this_request(
    neighbours: Neighbourhood,
    greeted: list[MemberMessage],
    change: Callable[[httpx.Response, httpx.Response], httpx.Response],
) -> None:
    del greeted
    answers: list[httpx.Response] = []

    def listen(request: httpx.Request, answer: Answer) -> httpx.Response:
        answers.append(answer(request))
        return httpx.Response(answers[-1].status_code, headers=answers[-1].headers, content=answers[-1].content)

    body = message()
    neighbours.network.meddle = listen
    post(neighbours, body)
    neighbours.network.meddle = lambda request, answer: change(answer(request), answers[0])
    with pytest.raises(ResponseSignatureError):
        post(neighbours, body)


def test_an_answer_signed_by_a_neighbour_of_the_holder_does_not_count(
    neighbours: Neighbourhood, greeted: list[MemberMessage]
) -> None:
    with pytest.raises(ResponseSignatureError, match="clinic-a"):
        # asked as the hospital, answered as the clinic that the body names
        post(neighbours, message(CLINIC))
    assert len(greeted) == 1


REFUSALS: list[tuple[httpx.Response, type[ConcordError]]] = [
    (httpx.Response(503), MemberAwayError),
    (httpx.Response(404, json={"type": "urn:concord:problem:unknown-record"}), MemberAnswerError),
    (httpx.Response(200, content=b"x" * (1 << 20 | 1)), MemberAnswerError),
    (httpx.Response(302, headers={"location": "https://elsewhere.example"}), MemberAnswerError),
    (httpx.Response(200, content=b"not json"), MemberAnswerError),
]


@pytest.mark.parametrize(("given", "error"), REFUSALS, ids=["away", "unsigned", "too-long", "elsewhere", "bare"])
def test_what_nobody_signed_changes_nothing(neighbours: Neighbourhood, given: httpx.Response, error: type[ConcordError]) -> None:
    neighbours.network.meddle = lambda _request, _answer: given
    with pytest.raises(error):
        post(neighbours)


def test_a_member_that_is_away_or_has_no_address_is_named(neighbours: Neighbourhood) -> None:
    neighbours.network.meddle = away
    with pytest.raises(MemberAwayError, match="hospital-a"):
        post(neighbours)
    with pytest.raises(MemberAwayError, match="no address"):
        client_of(neighbours).post(InstitutionId("nowhere"), "/v1/inbox", message(), SignatureTag.INBOX)


def test_members_read_a_log_that_is_not_public(neighbours: Neighbourhood) -> None:
    identity = FileInstitutionIdentity(neighbours.there.settings.keys, OTHER)
    auth = SignedRequestAuth(identity, neighbours.clock, SignatureTag.LOG, 60)
    with httpx.Client(transport=neighbours.network, base_url="https://node-a.example") as client:
        headers = client.get("/v1/headers/hospital-a.example/log", params={"from": 0, "count": 5}, auth=auth)
        tile = client.get("/log/hospital-a/tile/0/x001/000", auth=auth)
        assert (headers.status_code, tile.status_code) == (200, 404)
        assert client.get("/log/hospital-a/checkpoint").status_code == 401
        neighbours.suspend(OTHER)
        refused = client.get("/log/hospital-a/checkpoint", auth=auth)
        assert refused.json()["type"] == "urn:concord:problem:key-not-registered"
