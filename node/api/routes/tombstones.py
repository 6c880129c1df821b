"""/v1/tombstones: deleted headers, and which members have not said that their copies have gone."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from node.api.bodies.records import TombstoneItem, TombstoneListBody, show_time
from node.api.openapi.document import documented
from node.api.requests import Caller, NodeOf, json_response
from node.ports.custody.tombstones import TombstoneState
from node.services.clients import Scope

router = APIRouter(tags=["records"])


@router.get("/v1/tombstones", **documented("tombstones"))
async def list_tombstones(
    node: NodeOf,
    client: Caller,
    waiting: Annotated[bool, Query(description="only those that some member has not acknowledged")] = True,  # noqa: FBT002 - a query
    limit: Annotated[int, Query(ge=1, le=1000, description="tombstones")] = 100,
) -> Response:
    """List the institution's tombstones, newest first, with the members that have not acknowledged each."""
    client.require(Scope.READ_STATUS)
    custody = node.custody
    page = await asyncio.to_thread(custody.tombstones.page, client.institution, waiting=waiting, limit=limit)
    relocations = await asyncio.to_thread(custody.relocations.waiting, client.institution)
    return json_response(TombstoneListBody([_item(state) for state in page], relocations))


def _item(state: TombstoneState) -> TombstoneItem:
    tombstone = state.tombstone
    return TombstoneItem(
        origin=tombstone.origin,
        leaf_index=tombstone.leaf_index,
        target=tombstone.target.hex(),
        staged_at=show_time(tombstone.staged_at_ms),
        acknowledged_by=[member for member, at_ms in state.acknowledged_at_ms.items() if at_ms is not None],
        waiting_for=list(state.waiting),
    )
