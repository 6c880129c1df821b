"""A node tells where the exchange key that it uses and the one that the chain names differ."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from node.bootstrap.maintenance import rotate_exchange_key
from node.ports.chain.consortium import Member, RegisteredKey
from node.services.members.own_keys import KeyStanding, OwnKeys
from tests.unit.api_routes.client import Api
from tests.unit.members.neighbourhood import OTHER, Neighbourhood


def own_keys(neighbours: Neighbourhood) -> OwnKeys:
    found = neighbours.there.running.sharing.own_keys
    assert found is not None
    return found


def status(neighbours: Neighbourhood) -> str:
    (log,) = Api(neighbours.there).get("/v1/status", institution=OTHER).json()["logs"]
    return str(log["exchange_key"])


def looked(neighbours: Neighbourhood) -> list[dict[str, Any]]:
    with capture_logs() as logs:
        own_keys(neighbours).look()
    return [dict(each) for each in logs if each["event"].startswith("exchange_key")]


def with_exchange(neighbours: Neighbourhood, *keys: RegisteredKey) -> None:
    def change(member: Member) -> Member:
        return replace(member, keys=(*(each for each in member.keys if each.kind != "exchange"), *keys))

    neighbours.change(OTHER, change)


def test_a_key_that_was_rotated_and_not_registered_is_told_once(neighbours: Neighbourhood) -> None:
    assert (status(neighbours), looked(neighbours)) == ("registered", [])
    neighbours.there.stop()
    public_key = rotate_exchange_key(neighbours.there.settings, OTHER)
    neighbours.there.start()
    neighbours.refresh()
    assert status(neighbours) == "differs"
    own_keys(neighbours)._told.clear()  # the node's own loop may have looked before
    (told,) = looked(neighbours)
    assert (told["log_level"], told["institution"], told["exchange_public_key"]) == ("warning", OTHER, public_key.hex())
    assert looked(neighbours) == []
    with_exchange(neighbours, RegisteredKey("exchange", public_key, 0, None))
    own_keys(neighbours)._told[OTHER] = KeyStanding.DIFFERS
    assert [each["event"] for each in looked(neighbours)] == ["exchange_key_registered"]
    assert status(neighbours) == "registered"


@pytest.mark.parametrize(
    ("case", "expected"),
    [("ended", KeyStanding.DIFFERS), ("in-overlap", KeyStanding.DIFFERS), ("none", KeyStanding.UNREGISTERED)],
)
def test_what_the_registry_says(neighbours: Neighbourhood, case: str, expected: KeyStanding) -> None:
    own = neighbours.there.running.sharing.identities[OTHER].exchange_public_key
    now_s = int(neighbours.clock.now().timestamp())
    registered = {
        "ended": (RegisteredKey("exchange", own, 0, now_s - 1),),
        "in-overlap": (RegisteredKey("exchange", own, 0, now_s + 60), RegisteredKey("exchange", b"\7" * 32, now_s - 1, None)),
        "none": (),
    }[case]
    with_exchange(neighbours, *registered)
    assert own_keys(neighbours).standing(OTHER) is expected


def test_nothing_is_said_of_a_registry_that_was_never_read(neighbours: Neighbourhood) -> None:
    sharing = neighbours.there.running.sharing
    assert sharing.membership is not None
    sharing.membership._seen_at = None
    assert (own_keys(neighbours).standing(OTHER), looked(neighbours)) == (KeyStanding.UNKNOWN, [])
