"""What is submitted for one record stays in order, whatever finishes first; what concerns other records does not wait."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from weakref import ref

from hypothesis import given
from hypothesis import strategies as st

from node.services.records.lanes import Lanes, Ticket, Turns


def entered(lanes: Lanes[str], name: str, *records: str) -> Ticket[str]:
    ticket = Ticket(frozenset(records), name)
    lanes.enter([ticket])
    return ticket


def test_records_of_their_own_do_not_wait() -> None:
    gone: list[str] = []
    lanes = Lanes(gone.extend)
    entered(lanes, "first", "a")
    entered(lanes, "second", "b")
    assert gone == ["first", "second"]


def test_a_later_version_waits_for_the_earlier_one() -> None:
    gone: list[str] = []
    lanes = Lanes(gone.extend)
    first = entered(lanes, "first", "a")
    both = entered(lanes, "both", "a", "b")
    last = entered(lanes, "last", "b")
    assert gone == ["first"]
    lanes.leave([first])
    assert gone == ["first", "both"]
    lanes.leave([both])
    assert gone == ["first", "both", "last"]
    lanes.leave([last])


def test_those_that_enter_together_go_together_but_for_those_that_stand_behind_one_of_them() -> None:
    gone: list[Sequence[str]] = []
    lanes: Lanes[str] = Lanes(gone.append)
    tickets = [Ticket(frozenset(records), name) for name, records in {"one": "a", "two": "b", "again": "a", "both": "ab"}.items()]
    lanes.enter(tickets)
    assert gone == [["one", "two"]]
    lanes.leave(tickets[:2])
    assert gone == [["one", "two"], ["again"]]
    lanes.leave(tickets[2:3])
    assert gone[2:] == [["both"]]


def test_a_long_lane_of_failures_is_no_deep_stack() -> None:
    left: list[int] = []

    def fail(numbers: Sequence[int]) -> None:
        if numbers != [holder.work]:
            left.extend(numbers)
            lanes.leave([tickets[number] for number in numbers])

    lanes = Lanes(fail)
    holder = Ticket(frozenset({"a"}), -1)
    lanes.enter([holder])
    tickets = [Ticket(frozenset({"a"}), number) for number in range(20_000)]
    lanes.enter(tickets)
    lanes.leave([holder])
    assert left == list(range(20_000))


@given(st.lists(st.sets(st.sampled_from("abc"), min_size=1), max_size=12), st.randoms(use_true_random=False), st.booleans())
def test_each_record_sees_its_documents_in_order(documents: list[set[str]], order: object, together: bool) -> None:  # noqa: FBT001 - drawn
    gone: list[int] = []
    lanes = Lanes(gone.extend)
    tickets = [Ticket(frozenset(records), number) for number, records in enumerate(documents)]
    for entering in [tickets] if together else [[ticket] for ticket in tickets]:
        lanes.enter(entering)
    left: set[int] = set()
    while len(left) < len(documents):
        ready = [number for number in gone if number not in left]
        chosen = order.sample(ready, order.randint(1, len(ready)))  # type: ignore[attr-defined]  # random.Random
        left.update(chosen)
        lanes.leave([tickets[number] for number in chosen])
    for record in "abc":
        wanted = [number for number, records in enumerate(documents) if record in records]
        assert [number for number in gone if number in wanted] == wanted


@given(st.permutations(range(6)))
def test_turns_are_passed_on_in_the_order_of_taking(finished: list[int]) -> None:
    turns = Turns()
    passed: list[int] = []
    finish: list[Callable[[Callable[[], None]], None]] = [turns.take() for _ in range(6)]
    for number in finished:
        finish[number](lambda number=number: passed.append(number))  # type: ignore[misc]  # bound early
    assert passed == list(range(6))


class Document:
    """What must not linger: it is as large as a report."""


def prepared_in_turn(turns: Turns, settled: list[Document]) -> Future[Document]:
    done: Future[Document] = Future()
    finish = turns.take()
    done.add_done_callback(lambda prepared: finish(lambda: settled.append(prepared.result())))
    return done


def test_what_was_passed_on_is_let_go_of_without_a_collection() -> None:
    settled: list[Document] = []
    done, document = prepared_in_turn(Turns(), settled), Document()
    lingering = ref(document)
    gc.disable()
    try:
        done.set_result(document)
        assert settled == [document]
        settled.clear()
        del document, done
        assert lingering() is None
    finally:
        gc.enable()
