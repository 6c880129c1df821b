"""A regulator's node pairs what it follows: what one side never logged is found, kept, shown, and proves itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node.domain.access import AccessOutcome
from node.errors import LogInclusionError
from node.services.clients import Scope
from node.wire.evidence.finding_evidence import parse_finding, verify_finding
from node.wire.trust_root import parse_trust_root
from tests.unit.api_routes.client import Api
from tests.unit.evidence_verify.world import NOW
from tests.unit.services_records.world import World
from tests.unit.services_supervision.consortium import (
    GRACE_S,
    HOLDER,
    REGULATOR,
    REQUESTER,
    A,
    B,
    eventually,
    log_act,
    log_receipt,
    make_access,
    make_consortium,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_consortium(tmp_path / "n").start()
    yield made
    made.stop()


def findings(world: World, query: str = "") -> list[dict[str, Any]]:
    response = Api(world).get(f"/v1/supervision/findings{query}", institution=REGULATOR)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["findings"]
    return found


def wait_for_findings(world: World, count: int = 1) -> list[dict[str, Any]]:
    """Let the grace period pass, and on, until so many are found."""
    world.clock.advance(seconds=GRACE_S)

    def read() -> list[dict[str, Any]]:
        world.clock.advance(seconds=1)
        return findings(world)

    return eventually(read, lambda page: len(page) == count)


def wait_until_read(world: World, count: int) -> None:
    """Wait until the loop has taken up so many receipts."""
    eventually(lambda: world.rows("SELECT count(*) FROM supervision_receipts")[0][0], lambda found: found == count)


def test_a_receipt_whose_other_side_never_comes_is_found_after_the_grace_period(world: World) -> None:
    staged = log_receipt(world, HOLDER)
    wait_until_read(world, 1)
    assert findings(world) == []
    (found,) = wait_for_findings(world)
    assert (found["code"], found["severity"], found["institutions"]) == ("holder_alone", "serious", [B])
    assert found["entries"][0]["leaf_hash"] == staged.leaf_hash.hex()
    assert found["settled_at"] is None


def test_a_late_other_side_settles_what_was_found(world: World) -> None:
    log_receipt(world, HOLDER)
    wait_until_read(world, 1)
    wait_for_findings(world)
    log_receipt(world, REQUESTER)
    (found,) = eventually(lambda: findings(world), lambda page: page[0]["settled_at"] is not None)
    assert found["code"] == "holder_alone"
    assert findings(world, "?open=true") == []


def test_both_sides_in_time_are_nothing_to_find_even_after_a_restart(world: World) -> None:
    log_receipt(world, REQUESTER)
    wait_until_read(world, 1)
    world.restart()
    log_receipt(world, HOLDER)
    wait_until_read(world, 2)
    world.clock.advance(seconds=10 * GRACE_S)
    log_act(world, A, make_access(HOLDER, AccessOutcome.DISCLOSED))
    wait_until_read(world, 3)
    assert findings(world) == []
    assert world.rows("SELECT count(*) FROM supervision_due") == [(1,)]


def test_what_shows_a_finding_verifies_offline_and_what_was_altered_does_not(world: World) -> None:
    log_receipt(world, HOLDER)
    wait_until_read(world, 1)
    (found,) = wait_for_findings(world)
    response = Api(world).get(f"/v1/supervision/findings/{found['finding_id']}/evidence", institution=REGULATOR)
    assert response.status_code == 200
    root = parse_trust_root(world.settings.trust_root_file.read_bytes())
    verdict = verify_finding(parse_finding(response.content), root, now=NOW)
    assert (verdict.code, verdict.institutions) == ("holder_alone", (B,))
    assert verdict.lines[0].header is not None
    assert verdict.lines[0].header.content == make_access(HOLDER)
    document = json.loads(response.content)
    document["lines"][0]["index"] += 1
    with pytest.raises(LogInclusionError):
        verify_finding(parse_finding(json.dumps(document).encode()), root, now=NOW)


def test_findings_are_listed_page_by_page_and_by_whom_they_concern(world: World) -> None:
    log_receipt(world, HOLDER, AccessOutcome.DISCLOSED)
    log_receipt(world, REQUESTER, AccessOutcome.DENIED)
    log_act(world, B, make_access(REQUESTER, request=_other_request()))
    wait_until_read(world, 3)
    wait_for_findings(world, 2)
    first = Api(world).get("/v1/supervision/findings?limit=1", institution=REGULATOR).json()
    second = Api(world).get(f"/v1/supervision/findings?limit=1&before={first['next_before']}", institution=REGULATOR).json()
    codes = {page["findings"][0]["code"] for page in (first, second)}
    assert codes == {"outcomes_differ", "requester_alone"}
    assert [each["code"] for each in findings(world, f"?institution={B}")] == ["outcomes_differ"]
    assert [each["code"] for each in findings(world, "?code=requester_alone")] == ["requester_alone"]


def test_only_who_may_sees_them(world: World) -> None:
    api = Api(world)
    others = [scope for scope in Scope if scope is not Scope.READ_FINDINGS]
    assert api.get("/v1/supervision/findings", institution=REGULATOR, scopes=others).status_code == 403
    assert api.get("/v1/supervision/findings", institution=None).status_code == 401
    assert api.get("/v1/supervision/findings?before=x", institution=REGULATOR).status_code == 422
    misspelt = api.get("/v1/supervision/findings?institution=hospitl-b", institution=REGULATOR)
    assert (misspelt.status_code, "institution" in misspelt.text) == (422, True)
    missing = api.get(f"/v1/supervision/findings/{'0' * 32}/evidence", institution=REGULATOR)
    assert missing.status_code == 404


def _other_request() -> Any:  # noqa: ANN401 - a NewType
    return "fedcba9876543210" * 2
