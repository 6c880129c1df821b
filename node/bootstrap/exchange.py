"""What talks to other members, connected: signed requests, outbox and inbox."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import httpx

from node.adapters.database.members.nonces import SqlNonceStore
from node.adapters.database.members.outbox import SqlInboxStore, SqlOutboxStore
from node.adapters.peers.signed_http import SignedHttpClient
from node.bootstrap.foundation import Foundation
from node.bootstrap.sharing import Sharing
from node.domain.entry import InstitutionId
from node.ports.members.requests import MemberClient
from node.services.loops import Loop
from node.services.members.inbox import Inbox
from node.services.members.outbox import Outbox
from node.services.members.signed_requests import SignedRequests
from node.services.surface.exchange import Exchange
from node.wire.members.http_signature import SignatureWindow


@dataclass(frozen=True, slots=True)
class BuiltExchange:
    """The services, and their loops."""

    services: Exchange
    """What the API uses."""
    clients: Mapping[InstitutionId, MemberClient]
    """Ask other members, for each hosted institution."""
    loops: Sequence[Loop]
    """To be started with the node."""


def build_exchange(
    foundation: Foundation,
    sharing: Sharing,
    transport: httpx.BaseTransport | None,
    stack: contextlib.ExitStack,
    at_hand: Callable[[InstitutionId], MemberClient] | None = None,
) -> BuiltExchange | None:
    """Connect the services; nothing is started. None where nothing says who the members are.

    Args:
        foundation: What they stand on.
        sharing: The registry, and acts in the log.
        transport: Carries requests to other members; None for the network.
        stack: Closes connections.
        at_hand: Asks members whose nodes are in this process; None for the network.
    """
    directory, settings, writer = sharing.membership, foundation.settings.members, foundation.stores.writer
    if directory is None:
        return None
    window = SignatureWindow(settings.max_clock_skew_s, settings.signature_lifetime_s)
    clients: Mapping[InstitutionId, MemberClient]
    if at_hand is None:
        over_http = {
            institution: SignedHttpClient(
                identity, directory, foundation.clock, window, timeout_s=settings.timeout_s, transport=transport
            )
            for institution, identity in foundation.identities.items()
        }
        for client in over_http.values():
            stack.callback(client.close)
        clients = over_http
    else:
        clients = {institution: at_hand(institution) for institution in foundation.identities}
    signed = SignedRequests(
        directory=directory,
        identities=foundation.identities,
        nonces=SqlNonceStore(),
        writer=writer,
        clock=foundation.clock,
        window=window,
    )
    outbox = Outbox(store=SqlOutboxStore(foundation.stores.readers), clients=clients, writer=writer, clock=foundation.clock)
    stack.callback(outbox.close)
    delivery = Loop("outbox", outbox.deliver, settings.outbox_interval_s)
    outbox.on_news(delivery.wake)
    services = Exchange(signed=signed, inbox=Inbox(SqlInboxStore(), foundation.clock), outbox=outbox)
    return BuiltExchange(services, clients, [delivery])
