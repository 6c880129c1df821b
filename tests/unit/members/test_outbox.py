"""Messages to other members: none lost, each acted on once, whatever is away, breaks off or restarts in between."""

from __future__ import annotations

import json
from concurrent.futures import Future

import pytest

from node.domain.entry import InstitutionId
from node.domain.message import MemberMessage, MessageId
from node.errors import ConcordError, MalformedMessageError, MessageConflictError, UnknownFormatError
from node.services.surface.exchange import Exchange
from node.wire.members.message import encode_message, parse_message
from tests.unit.api_routes.client import Api
from tests.unit.members.neighbourhood import OTHER, Neighbourhood, acting, answer_lost, away, deliver_by_hand, honest
from tests.unit.services_records.world import CLINIC, HOSPITAL, World

SUBJECT = "6e340b9c"
MESSAGE = MemberMessage(MessageId("0" * 32), "tombstone", HOSPITAL, OTHER, SUBJECT, b'{"n":1}', 1_772_366_400_000)


def exchange(world: World) -> Exchange:
    found = world.running.node.exchange
    assert found is not None
    deliver_by_hand(world)
    return found


def tell(neighbours: Neighbourhood, kind: str = "tombstone", to: InstitutionId = OTHER) -> MessageId:
    outbox = exchange(neighbours.here).outbox
    sent: Future[list[MessageId]] = neighbours.here.running.sharing.writer.submit(
        lambda transaction: outbox.tell(transaction, HOSPITAL, [to], kind, SUBJECT, b'{"n": 1}')
    )
    (message_id,) = sent.result(30)
    return message_id


def listen(world: World, kind: str = "tombstone") -> list[MemberMessage]:
    taken: list[MemberMessage] = []
    exchange(world).inbox.register(kind, lambda _, message: taken.append(message))
    return taken


def waiting(neighbours: Neighbourhood) -> list[tuple[MessageId, int, str]]:
    rows = exchange(neighbours.here).outbox.unacknowledged(HOSPITAL, 100)
    return [(row.message.message_id, row.attempts, row.last_error) for row in rows]


def test_a_message_arrives_is_acted_on_and_acknowledged(neighbours: Neighbourhood) -> None:
    taken = listen(neighbours.there)
    message_id = tell(neighbours)
    exchange(neighbours.here).outbox.deliver()
    assert [(message.message_id, message.sender, message.body) for message in taken] == [(message_id, HOSPITAL, b'{"n": 1}')]
    assert waiting(neighbours) == []
    (row,) = exchange(neighbours.here).outbox.about(HOSPITAL, "tombstone", SUBJECT)
    assert row.acknowledged_at_ms is not None


def test_what_is_rolled_back_is_not_told(neighbours: Neighbourhood) -> None:
    taken = listen(neighbours.there)
    outbox = exchange(neighbours.here).outbox

    def work(transaction: object) -> None:
        outbox.tell(transaction, HOSPITAL, [OTHER], "tombstone", SUBJECT, b"{}")  # type: ignore[arg-type]
        raise ValueError("the caller's transaction fails")

    with pytest.raises(ValueError, match="transaction fails"):
        neighbours.here.running.sharing.writer.submit(work).result(30)
    outbox.deliver()
    assert (taken, waiting(neighbours)) == ([], [])


def test_a_member_that_is_away_is_waited_for_longer_each_time_across_restarts(neighbours: Neighbourhood) -> None:
    taken = listen(neighbours.there)
    message_id = tell(neighbours)
    neighbours.network.meddle = away
    for attempt in range(1, 8):
        exchange(neighbours.here).outbox.deliver()
        assert waiting(neighbours) == [(message_id, attempt, "MemberAwayError")]
        exchange(neighbours.here).outbox.deliver()
        assert waiting(neighbours) == [(message_id, attempt, "MemberAwayError")], "it is not due yet"
        if attempt < 7:
            neighbours.clock.advance(seconds=2 ** (attempt - 1))
    neighbours.here.restart()
    neighbours.refresh()
    assert waiting(neighbours) == [(message_id, 7, "MemberAwayError")]
    neighbours.network.meddle = honest
    neighbours.clock.advance(seconds=64)
    exchange(neighbours.here).outbox.deliver()
    assert [message.message_id for message in taken] == [message_id]
    assert waiting(neighbours) == []


def test_an_acknowledgement_that_is_lost_lets_nothing_be_done_twice(neighbours: Neighbourhood) -> None:
    taken = listen(neighbours.there)
    message_id = tell(neighbours)
    neighbours.network.meddle = answer_lost
    exchange(neighbours.here).outbox.deliver()
    assert waiting(neighbours) == [(message_id, 1, "MemberAwayError")]
    neighbours.network.meddle = honest
    neighbours.clock.advance(seconds=1)
    exchange(neighbours.here).outbox.deliver()
    assert waiting(neighbours) == []
    assert len(taken) == 1


def test_a_handler_that_fails_leaves_the_message_unacknowledged(neighbours: Neighbourhood) -> None:
    failing = [True]
    taken: list[MessageId] = []

    def handler(_: object, message: MemberMessage) -> None:
        if failing[0]:
            raise ConcordError("not now")
        taken.append(message.message_id)

    exchange(neighbours.there).inbox.register("tombstone", handler)
    message_id = tell(neighbours)
    exchange(neighbours.here).outbox.deliver()
    assert waiting(neighbours) == [(message_id, 1, "MemberRefusedError")]
    failing[0] = False
    neighbours.clock.advance(seconds=1)
    exchange(neighbours.here).outbox.deliver()
    assert (taken, waiting(neighbours)) == ([message_id], [])


def test_a_kind_that_nobody_knows_yet_waits_and_holds_up_nothing(neighbours: Neighbourhood) -> None:
    taken = listen(neighbours.there)
    unknown = tell(neighbours, "of-a-newer-release")
    tell(neighbours)
    exchange(neighbours.here).outbox.deliver()
    assert [message.kind for message in taken] == ["tombstone"]
    assert waiting(neighbours) == [(unknown, 1, "MemberRefusedError")]


def test_after_the_commit_whoever_registered_is_woken_once(neighbours: Neighbourhood) -> None:
    woken: list[str] = []
    inbox = exchange(neighbours.here).inbox
    inbox.register("tombstone", lambda _, __: None, lambda: woken.append("now"))
    envelope = encode_message(MESSAGE)
    inbox.receive(envelope, OTHER, acting(neighbours.here))
    inbox.receive(envelope, OTHER, acting(neighbours.here))
    assert woken == ["now"]


def test_an_id_with_other_content_is_refused(neighbours: Neighbourhood) -> None:
    listen(neighbours.here)
    inbox = exchange(neighbours.here).inbox
    inbox.receive(encode_message(MESSAGE), OTHER, acting(neighbours.here))
    with pytest.raises(MessageConflictError):
        inbox.receive(encode_message(MESSAGE).replace(b'"n":1', b'"n":2'), OTHER, acting(neighbours.here))
    # ids of different senders have nothing to do with each other
    inbox.receive(encode_message(MESSAGE).replace(b'"n":1', b'"n":3'), CLINIC, acting(neighbours.here))


def test_an_institution_of_the_same_node_is_told_the_same_way(neighbours: Neighbourhood) -> None:
    taken = listen(neighbours.here)
    tell(neighbours, to=CLINIC)
    exchange(neighbours.here).outbox.deliver()
    assert [message.recipient for message in taken] == [CLINIC]


def test_acknowledged_messages_are_forgotten_after_a_month(neighbours: Neighbourhood) -> None:
    listen(neighbours.there)
    tell(neighbours)
    exchange(neighbours.here).outbox.deliver()
    neighbours.clock.advance(days=31)
    exchange(neighbours.here).outbox.deliver()
    assert exchange(neighbours.here).outbox.about(HOSPITAL, "tombstone", SUBJECT) == []


def test_what_waits_is_listed_for_its_own_institution_and_measured(neighbours: Neighbourhood) -> None:
    api = Api(neighbours.here)
    message_id = tell(neighbours)
    # both nodes measure into the metrics of this process
    deliver_by_hand(neighbours.there)
    neighbours.network.meddle = away
    neighbours.clock.advance(seconds=90)
    exchange(neighbours.here).outbox.deliver()
    (listed,) = api.get("/v1/outbox").json()["messages"]
    assert (listed["message_id"], listed["recipient"], listed["subject"]) == (message_id, OTHER, SUBJECT)
    assert (listed["waiting_since"], listed["attempts"]) == ("2026-03-01T12:00:00.000Z", 1)
    assert api.get("/v1/outbox", institution=CLINIC).json() == {"messages": []}
    metrics = api.get("/metrics").text
    assert "concord_outbox_waiting 1.0" in metrics
    assert "concord_outbox_oldest_seconds 90.0" in metrics


BROKEN: list[tuple[dict[str, object], type[ConcordError]]] = [
    ({"version": 2}, UnknownFormatError),
    ({"message_id": "short"}, MalformedMessageError),
    ({"kind": "No Kind"}, MalformedMessageError),
    ({"subject": "s" * 256}, MalformedMessageError),
    ({"sender": "hospital-a"}, MalformedMessageError),
    ({"created_at_ms": "now"}, MalformedMessageError),
]


@pytest.mark.parametrize(("change", "error"), BROKEN, ids=[next(iter(change)) for change, _ in BROKEN])
def test_an_envelope_is_read_strictly(change: dict[str, object], error: type[ConcordError]) -> None:
    assert parse_message(encode_message(MESSAGE), HOSPITAL) == MESSAGE
    envelope = json.loads(encode_message(MESSAGE)) | change
    with pytest.raises(error):
        parse_message(json.dumps(envelope).encode(), HOSPITAL)
