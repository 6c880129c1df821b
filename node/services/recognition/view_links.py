"""One-time links to the results that a check offers: drawn with the check, kept in its transaction (docs/spec/recognition.md).

A link opens, once and for a short time, the newest results of others that together answer an order line: no more is read
than the clinician needs. Its token is 256 random bits, of which only the hash is kept. A check by a card has none: the
patient is not on file, so no consent is either, and what is retrieved rests on one. Left out: opening (`viewing`).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from node.domain.entry import LeafReference, Origin
from node.domain.recognition import ItemCode, OrderableCheck
from node.domain.record import PatientNumber
from node.ports.keys.signing import NodeKeys
from node.ports.recognition.views import KeptView, ViewStore
from node.services.reading.finding_patients import PatientLike
from node.wire.recognition.text import CheckText
from node.wire.recognition.view_text import ViewTarget, ViewText, encode_view

VIEW_SEAL = "result-view"
"""Purpose under which links are sealed for this node."""
VIEW_PATH = "/view/"
TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class ViewLink:
    """A link, as it is handed out."""

    order_id: str
    """The order line."""
    url: str
    """Where it is opened."""
    expires_at_ms: int
    """Until when, unix ms."""


@dataclass(frozen=True, slots=True)
class ViewLinks:
    """Draws links."""

    store: ViewStore
    """Keeps them."""
    keys: NodeKeys
    """Seals them."""
    public_url: str
    """Where clinicians' browsers reach this node, without a slash at its end."""
    lifetime_ms: int
    """How long a link opens."""

    def draw(
        self, text: CheckText, patient: PatientLike, places: Mapping[LeafReference, tuple[Origin, int]]
    ) -> tuple[list[ViewLink], list[KeptView]]:
        """Draw a link for each order line that results of others answer; what is kept belongs into the check's transaction."""
        links: list[ViewLink] = []
        kept: list[KeptView] = []
        if not isinstance(patient, PatientNumber):
            return links, kept
        outcome = text.outcome
        expires_at_ms = outcome.checked_at_ms + self.lifetime_ms
        for line in outcome.lines:
            targets = tuple(ViewTarget(leaf, *places[leaf]) for leaf in needed_results(line))
            if not targets:
                continue
            token = secrets.token_urlsafe(TOKEN_BYTES)
            hashed, order_id = hash_token(token), line.line.order_id
            view = ViewText(hashed, outcome.institution, text.check_id, order_id, patient.system, patient.value, targets)
            sealed = self.keys.seal(VIEW_SEAL, encode_view(view))
            kept.append(KeptView(hashed, outcome.institution, text.check_id, expires_at_ms, None, sealed))
            links.append(ViewLink(order_id, f"{self.public_url}{VIEW_PATH}{token}", expires_at_ms))
        return links, kept


def hash_token(token: str) -> bytes:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


def needed_results(line: OrderableCheck) -> list[LeafReference]:
    """Return the newest results of others, and of older ones those that answer something more."""
    answered: set[ItemCode] = set()
    chosen: list[LeafReference] = []
    for offer in line.offers:
        items = {each.item for each in offer.items}
        if not offer.own and not answered.issuperset(items):
            answered |= items
            chosen.append(offer.leaf)
    return chosen
