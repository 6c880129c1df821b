"""Seal cards for the three custodians, and open them with two (docs/spec/code-service.md, "Custody").

The code service is one of the three: it asks one other custodian, the next one where the first is away. With the code
service's own key lost, the other two open the cards together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from node.domain.codes import CustodianPair, DocumentMac
from node.domain.entry import InstitutionId
from node.errors import CustodiansAwayError, MemberError
from node.identity.code_custody import SealedCard, encode_sealed_card, open_card, parse_sealed_card, seal_card
from node.identity.code_text import PatientCard
from node.ports.codes.registers import CardRow
from node.services.codes.custodians import Opening

AskCustodian = Callable[[InstitutionId, Opening], list[bytes]]
"""Has a custodian open its layer of boxes, here or over the network."""


@dataclass(frozen=True, slots=True)
class CardVault:
    """Seals and opens cards."""

    own: InstitutionId
    """The code service."""
    custodians: tuple[InstitutionId, ...]
    """The three, the code service among them or not."""
    key: Callable[[InstitutionId], bytes]
    """Returns a member's exchange key."""
    ask: AskCustodian
    """Has a layer opened."""

    def seal(self, card: PatientCard, document: DocumentMac) -> bytes:
        """Seal a card.

        Raises:
            MemberAwayError: A custodian has no key that is valid now.
        """
        # the code service last: it is asked last too, so that no other custodian sees the key
        ordered = sorted(self.custodians, key=lambda each: each == self.own)
        return encode_sealed_card(seal_card(card, document, {each: self.key(each) for each in ordered}))

    def open(self, rows: Sequence[CardRow], opening: Opening) -> list[PatientCard]:
        """Open cards, all with the same two custodians where they are there.

        Args:
            rows: The cards.
            opening: For which request; its boxes are filled in.

        Raises:
            CustodiansAwayError: No two custodians answer.
            CodeRefusedError: A custodian here opens no more within the hour.
            CardSealError: A card does not open.
        """
        sealed = [parse_sealed_card(row.sealed_card) for row in rows]
        for pair in self._pairs(sealed):
            try:
                keys = self._keys(pair, sealed, opening)
            except MemberError:
                continue
            return [open_card(one, row.document, key) for one, row, key in zip(sealed, rows, keys, strict=True)]
        raise CustodiansAwayError

    def _pairs(self, sealed: Sequence[SealedCard]) -> list[CustodianPair]:
        """Return the pairs that all cards have, those with the code service first: they need one other only."""
        common = [pair for pair in (sealed[0].boxes if sealed else ()) if all(pair in one.boxes for one in sealed)]
        return sorted(common, key=lambda pair: self.own not in (pair.outer, pair.inner))

    def _keys(self, pair: CustodianPair, sealed: Sequence[SealedCard], opening: Opening) -> list[bytes]:
        boxes: Sequence[bytes] = [one.boxes[pair] for one in sealed]
        for custodian in (pair.outer, pair.inner):
            boxes = self.ask(custodian, Opening(opening.operation, opening.request_id, boxes))
        return list(boxes)


def asks(here: Mapping[InstitutionId, object], local: AskCustodian, remote: AskCustodian) -> AskCustodian:
    """Return what asks the custodians of this node directly and the others over the network."""
    return lambda custodian, opening: (local if custodian in here else remote)(custodian, opening)
