"""The contract with a hospital's system: no answer by the deadline, and the order goes ahead and is recorded as unchecked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from node.cli.operator.serve import listen
from node.domain.recognition_acts import CheckContent, CheckId
from tests.integration.cli.served_node import concord, document
from tests.unit.members.neighbourhood import OTHER, make_neighbourhood
from tests.unit.members.orders import own_log, recognition
from tests.unit.members.patients import Patient, eventually

pytestmark = [pytest.mark.slow, pytest.mark.network]


@dataclass
class Gate:
    """A node's application, which lets a test know what arrives."""

    app: ASGIApp
    unchecked_came: threading.Event = field(default_factory=threading.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/v1/recognition/unchecked":
            self.unchecked_came.set()
        await self.app(scope, receive, send)


@dataclass
class Hospital:
    """hospital-b, served on loopback."""

    patient: Patient
    gate: Gate
    port: int

    def words(self, port: int | None = None) -> list[object]:
        there = self.patient.there
        address = f"http://127.0.0.1:{port or self.port}"
        key = self.patient.neighbours.there.api_key(OTHER)
        asking = ["--system", there.system, "--number", there.value, "--staff", "b-17", "--encounter", "e-1"]
        return ["check", "o-1=ELECTRO", "--url", address, "--api-key", key, *asking]

    def answered(self, check_id: str) -> bool:
        """Tell whether a check that was kept had been answered."""
        return recognition(self.patient.neighbours.there).checking.recall(OTHER, CheckId(check_id))[0].answered


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Hospital]:
    town = make_neighbourhood(tmp_path, {"outbox_interval_s": 3600.0}).start()
    gate = Gate(town.there.app)
    listening = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(gate, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield Hospital(Patient(town), gate, listening.getsockname()[1])
    server.should_exit = True
    thread.join()
    listening.close()
    town.stop()


def test_without_an_answer_the_order_goes_ahead_and_is_recorded(hospital: Hospital) -> None:
    world, words = hospital.patient.neighbours.there, hospital.words()
    # the one writer is held up: no check can be made durable, so none is answered
    stalled = recognition(world).checking._parts.writer.submit(lambda _: hospital.gate.unchecked_came.wait(60))
    noted = document(concord(*words, "--deadline-ms", "300", "--json"))
    assert stalled.result()
    assert (noted["answered"], noted["order"]) == (False, "goes ahead")
    assert not hospital.answered(noted["check"])
    world.clock.advance(hours=1)
    recognition(world).leaves.step()

    def logged() -> list[CheckContent]:
        return [each for each in own_log(hospital.patient) if isinstance(each, CheckContent)]

    eventually(logged, "it is not logged")
    unchecked = [each for content in logged() for each in content.checks if not each.answered]
    assert [(each.check_id, each.encounter, each.lines[0].line.order_id) for each in unchecked] == [(noted["check"], "e-1", "o-1")]


def test_an_answer_in_time_is_the_answer(hospital: Hospital) -> None:
    answer = document(concord(*hospital.words(), "--deadline-ms", "60000", "--json"))
    assert answer["lines"][0]["orderable"] == "ELECTRO"
    assert hospital.answered(answer["check_id"])


def test_a_node_that_is_away_is_told_afterwards(hospital: Hospital) -> None:
    closed = listen("127.0.0.1", 0)
    port = closed.getsockname()[1]
    closed.close()
    away = concord(*hospital.words(port), "--deadline-ms", "300", "--json")
    assert away.exit_code == 3
    assert "--unchecked" in document(away)["detail"]
    noted = document(concord(*hospital.words(), "--unchecked", "--json"))
    assert not hospital.answered(noted["check"])
