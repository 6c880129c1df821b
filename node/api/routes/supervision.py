"""/v1/supervision: what a regulator's node found in the logs, and the files that show it."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import Response

from node.api.bodies.records import FindingEntry, FindingItem, FindingListBody, show_time
from node.api.openapi.document import documented
from node.api.requests import Caller, NodeOf, json_response
from node.domain.entry import InstitutionId
from node.errors import MalformedParameterError, SettingsError
from node.ports.supervision.findings import FindingFilter, KeptFinding
from node.services.clients import Scope
from node.services.surface.node import Node
from node.services.surface.oversight import Supervision
from node.supervision.findings import FindingCode, FindingId
from node.wire.evidence.finding_evidence import FINDING_MEDIA_TYPE

router = APIRouter(tags=["supervision"])

_CURSOR: Final = re.compile(r"([0-9]{1,15})-([0-9a-f]{32})")
_FINDING: Final = re.compile(r"[0-9a-f]{32}")


def supervision_of(node: Node) -> Supervision:
    """Return what a regulator's node sees.

    Raises:
        SettingsError: This node hosts no regulator whose audit key the trust root names.
    """
    supervision = None if node.oversight is None else node.oversight.supervision
    if supervision is None:
        raise SettingsError("this node hosts no regulator with an audit key in the trust root; ask the regulator's node")
    return supervision


@router.get("/v1/supervision/findings", **documented("findings"))
async def list_findings(
    node: NodeOf,
    client: Caller,
    code: Annotated[FindingCode | None, Query(description="of this kind only")] = None,
    institution: Annotated[str | None, Query(description="that this institution has to answer for")] = None,
    open_only: Annotated[bool | None, Query(alias="open", description="true: without those that have settled")] = None,
    before: Annotated[str | None, Query(description="`next_before` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="findings")] = 100,
) -> Response:
    """List findings, newest first."""
    client.require(Scope.READ_FINDINGS)
    supervision, blamed = supervision_of(node), None if institution is None else InstitutionId(institution)
    if blamed is not None and not supervision.logs.is_known(blamed):
        # a misspelt name would read as an institution without findings
        raise MalformedParameterError("institution", "no institution of the trust root; /v1/supervision/institutions lists them")
    wanted = FindingFilter(() if code is None else (code,), blamed, bool(open_only))
    page = await asyncio.to_thread(supervision.findings.page, wanted, _cursor(before), limit)
    last = page[-1] if len(page) == limit else None
    return json_response(FindingListBody([_item(each) for each in page], None if last is None else _show_cursor(last)))


@router.get("/v1/supervision/findings/{finding_id}/evidence", **documented("finding-evidence"))
async def export_finding(node: NodeOf, client: Caller, finding_id: str) -> Response:
    """Export what shows a finding, for whoever verifies it offline."""
    client.require(Scope.READ_FINDINGS)
    if _FINDING.fullmatch(finding_id) is None:
        raise MalformedParameterError("finding_id", "give the 32 hex digits that a list of findings shows")
    evidence = await asyncio.to_thread(supervision_of(node).findings.evidence, FindingId(finding_id))
    return Response(evidence, media_type=FINDING_MEDIA_TYPE, headers={"Cache-Control": "no-store"})


def _cursor(text: str | None) -> tuple[int, FindingId] | None:
    if text is None:
        return None
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise MalformedParameterError("before", "give `next_before` of the page before")
    return int(match[1]), FindingId(match[2])


def _show_cursor(kept: KeptFinding) -> str:
    return f"{kept.raised_at_ms}-{kept.finding.finding_id}"


def _item(kept: KeptFinding) -> FindingItem:
    finding = kept.finding
    return FindingItem(
        finding_id=finding.finding_id,
        code=finding.code.value,
        severity=finding.severity.value,
        institutions=list(finding.institutions),
        subject=finding.subject,
        values=dict(finding.values),
        entries=[FindingEntry(place.origin, place.leaf_index, place.leaf_hash.hex(), place.tree_size) for place in finding.entries],
        raised_at=show_time(kept.raised_at_ms),
        settled_at=None if kept.settled_at_ms is None else show_time(kept.settled_at_ms),
    )
