"""What is submitted for one record stays in order, whatever finishes first; what concerns other records does not wait."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from node.services.lanes import Lanes, Ticket, Turns


def entered(lanes: Lanes, gone: list[str], name: str, *records: str) -> Ticket:
    ticket = Ticket(frozenset(records), lambda: gone.append(name))
    lanes.enter(ticket)
    return ticket


def test_records_of_their_own_do_not_wait() -> None:
    gone: list[str] = []
    lanes = Lanes()
    entered(lanes, gone, "first", "a")
    entered(lanes, gone, "second", "b")
    assert gone == ["first", "second"]


def test_a_later_version_waits_for_the_earlier_one() -> None:
    gone: list[str] = []
    lanes = Lanes()
    first = entered(lanes, gone, "first", "a")
    both = entered(lanes, gone, "both", "a", "b")
    last = entered(lanes, gone, "last", "b")
    assert gone == ["first"]
    lanes.leave(first)
    assert gone == ["first", "both"]
    lanes.leave(both)
    assert gone == ["first", "both", "last"]
    lanes.leave(last)


def test_a_long_lane_of_failures_is_no_deep_stack() -> None:
    lanes = Lanes()
    left: list[int] = []

    def fails(number: int) -> Ticket:
        def go() -> None:
            left.append(number)
            lanes.leave(tickets[number])

        return Ticket(frozenset({"a"}), go)

    holder = Ticket(frozenset({"a"}), lambda: None)
    lanes.enter(holder)
    tickets = [fails(number) for number in range(20_000)]
    for ticket in tickets:
        lanes.enter(ticket)
    lanes.leave(holder)
    assert left == list(range(20_000))


@given(st.lists(st.sets(st.sampled_from("abc"), min_size=1), max_size=12), st.randoms(use_true_random=False))
def test_each_record_sees_its_documents_in_order(documents: list[set[str]], order: object) -> None:
    gone: list[int] = []
    lanes = Lanes()
    tickets: list[Ticket] = []
    for number, records in enumerate(documents):
        tickets.append(Ticket(frozenset(records), lambda number=number: gone.append(number)))  # type: ignore[misc]  # bound early
        lanes.enter(tickets[-1])
    left: set[int] = set()
    while len(left) < len(documents):
        ready = [number for number in gone if number not in left]
        chosen = order.choice(ready)  # type: ignore[attr-defined]  # random.Random
        left.add(chosen)
        lanes.leave(tickets[chosen])
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
