"""Receipts that institutions of a simulated region forge: staged by their own composers, for whoever cheats owns the keys."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from devnet.simulation.happenings import PersonNumber, RetrievalMade
from devnet.simulation.region import origin_of
from devnet.simulation.world import World
from node.domain.access import AccessContent, AccessOutcome, AccessSide, Actor, ConsentContent, ConsentId, Purpose, RequestId
from node.domain.entry import EntryType, InstitutionId, LeafReference
from node.domain.header import AnyContent, HeaderContent
from node.domain.recognition import DecisionOutcome, ItemCode, OrderableCode, OrderLine
from node.domain.recognition_acts import (
    CheckContent,
    CheckedLine,
    CheckedOrder,
    CheckId,
    DecisionContent,
    DecisionId,
    OfferedResult,
)
from node.domain.record import Part
from node.ports.records.transaction import RecordsTransaction
from node.services.records.entries import ActEntry, StagedAct
from node.services.records.public_entries import stage_public
from node.services.records.receipts import RECEIPT_KIND
from node.wire.catalogue.entry import document_entry

CONSENT: Final = ConsentId(b"\x0c" * 32)
"""A consent that forged receipts name; granted by somebody whom nobody knows."""
_STRANGERS: Final = 10_000_000_000
"""Persons from here on occur in misconduct only."""
_SUBJECT: Final = b"\x05" * 32
_NEVER_READ: Final = b"\x06" * 32
_WAIT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class ForgedRequest:
    """A request that never was."""

    request_id: RequestId
    """Its id."""
    holder: InstitutionId
    """Who is said to have been asked."""
    requester: InstitutionId
    """Who is said to have asked."""
    outcome: AccessOutcome
    """What both would say that became of it."""
    person: PersonNumber
    """Of whom."""

    @property
    def subject(self) -> str:
        """Return what findings about it are about."""
        return f"{self.request_id} {self.holder} {self.requester}"

    def writer(self, side: AccessSide) -> InstitutionId:
        """Return whose log a side's receipt is in."""
        return self.holder if side is AccessSide.HOLDER else self.requester


class Forger:
    """Stages what never was."""

    def __init__(self, world: World, at_ms: int, institutions: tuple[InstitutionId, ...], rng: Random) -> None:
        """Stage nothing yet.

        Args:
            world: Whose institutions.
            at_ms: When all of it is said to have been, unix ms.
            institutions: Who may occur in requests.
            rng: Draws them.
        """
        self._world = world
        self._at_ms = at_ms
        self._institutions = institutions
        self._rng = rng
        self._number = 0
        self._documented: set[RequestId] = set()
        self.retrievals: list[RetrievalMade] = []

    def draw(self, count: int) -> list[InstitutionId]:
        """Draw institutions."""
        return self._rng.sample(self._institutions, count)

    def request(self, outcome: AccessOutcome = AccessOutcome.DISCLOSED) -> ForgedRequest:
        """Make up a request between two of them."""
        holder, requester = self.draw(2)
        request_id = self._id("request")
        return ForgedRequest(request_id, holder, requester, outcome, self.stranger())

    def stranger(self) -> PersonNumber:
        """Make up a person whom nobody knows."""
        self._number += 1
        return PersonNumber(_STRANGERS + self._number)

    def log(self, request: ForgedRequest, side: AccessSide, **changes: object) -> StagedAct:
        """Stage one side's receipt, but for what is changed."""
        content = AccessContent(
            request_id=request.request_id,
            side=side,
            counterpart=request.requester if side is AccessSide.HOLDER else request.holder,
            actor=made_up_actor(request.requester),
            purpose=Purpose.TREATMENT,
            outcome=request.outcome,
            reason="",
            consent_id=CONSENT,
            consent_block=None,
            emergency_id=None,
            subjects=(LeafReference(origin_of(request.holder), _SUBJECT),),
            occurred_at_ms=self._at_ms,
        )
        said = replace(content, **changes)  # type: ignore[arg-type]
        if side is AccessSide.REQUESTER and said.outcome is AccessOutcome.DISCLOSED:
            self.retrievals.append(RetrievalMade(request.requester, self._at_ms))
        if said.consent_id is not None and said.outcome is AccessOutcome.DISCLOSED and request.request_id not in self._documented:
            self.document(request, said.consent_id)
        return self.stage(request.writer(side), said, person=request.person)

    def leave_undocumented(self, request: ForgedRequest) -> None:
        """Let no log hold a document of the consent that a request names."""
        self._documented.add(request.request_id)

    def document(self, request: ForgedRequest, consent: ConsentId, **changes: object) -> None:
        """Stage the document of a request's consent in the holder's log, which fits but for what is changed."""
        self._documented.add(request.request_id)
        content = ConsentContent(
            consent_id=consent,
            asserted=False,
            granter=request.holder,
            grantee=request.requester,
            purposes=(Purpose.TREATMENT, Purpose.FOLLOW_UP),
            expires_at_ms=self._at_ms,
            revoked=False,
            occurred_at_ms=self._at_ms,
        )
        said = replace(content, **changes)  # type: ignore[arg-type]
        self.stage(request.holder, said, EntryType.CONSENT_DOCUMENT, person=request.person)

    def search(self, institution: InstitutionId) -> AccessContent:
        """Return what is logged of a search: a receipt that has no other side."""
        return AccessContent(
            request_id=self._id("search"),
            side=AccessSide.REQUESTER,
            counterpart=institution,
            actor=made_up_actor(institution),
            purpose=Purpose.TREATMENT,
            outcome=AccessOutcome.FOUND,
            reason="",
            consent_id=None,
            consent_block=None,
            emergency_id=None,
            subjects=(),
            occurred_at_ms=self._at_ms,
        )

    def denied_reason(self, institution: InstitutionId, other: InstitutionId) -> tuple[CheckContent, DecisionContent]:
        """Return a check that offers something of another institution, and a re-order of it that says that no reason was due."""
        check_id, line = CheckId(self._id("check")), OrderLine("M1", OrderableCode("L-ALT"))
        offer = OfferedResult(LeafReference(origin_of(other), _SUBJECT), other, (ItemCode("LAB-ALT"),))
        actor = made_up_actor(institution)
        check = CheckedOrder(check_id, "", self._at_ms, lines=(CheckedLine(line, (offer,)),), pins=())
        decision = DecisionContent(
            decision_id=DecisionId(check_id),
            check_id=check_id,
            actor=actor,
            encounter="",
            line=line,
            outcome=DecisionOutcome.REORDERED,
            results=(),
            items=offer.items,
            reason=None,
            sub_reason=None,
            saving_fen=0,
            warned=False,
            pins=(),
            decided_at_ms=self._at_ms,
        )
        return CheckContent(actor, (check,)), decision

    def recognition(self, institution: InstitutionId, other: InstitutionId) -> DecisionContent:
        """Return the recognition of something of another institution that no check offered and nobody retrieved."""
        _, denied = self.denied_reason(institution, other)
        result = OfferedResult(LeafReference(origin_of(other), _NEVER_READ), other, denied.items)
        return replace(denied, outcome=DecisionOutcome.RECOGNISED, results=(result,))

    def stage(
        self,
        institution: InstitutionId,
        content: AnyContent,
        entry_type: EntryType = EntryType.ACCESS_RECEIPT,
        *,
        person: PersonNumber | None = None,
        is_named: bool = True,
    ) -> StagedAct:
        """Stage an entry about a person, or somebody whom nobody knows; unnamed, its header leaves out whom."""
        keys = self._world.keys_of(self.stranger() if person is None else person)
        running = self._world.consortium.host_of(institution).running
        is_record = isinstance(content, HeaderContent)
        entry = ActEntry(
            entry_type=entry_type,
            kind=content.kind if isinstance(content, HeaderContent) else RECEIPT_KIND,
            content=content,
            parts=(Part("application/json", "report", "", b"{}", ""),),
            performed_at_ms=self._at_ms,
            patient=keys if is_named else replace(keys, pseudonym=None),
            tag_class=0 if is_record else 1,
        )
        sharing = running.sharing
        (staged,) = sharing.writer.submit(lambda tx: sharing.composer.stage(tx, institution, [entry])).result(_WAIT_S)
        running.sequencing.staged(staged.origin)
        return staged

    def publish(self, institution: InstitutionId, document: bytes) -> int:
        """Publish a document in an institution's log, whoever may publish it; return the entry's index."""
        running, origin = self._world.consortium.host_of(institution).running, origin_of(institution)
        entry = document_entry(origin, document, self._at_ms)

        def work(transaction: RecordsTransaction) -> int:
            return stage_public(transaction, institution, origin, EntryType.CATALOGUE, [entry], self._at_ms)

        index = running.sharing.writer.submit(work).result(_WAIT_S)
        running.sequencing.staged(origin)
        return index

    def _id(self, what: str) -> RequestId:
        self._number += 1
        return RequestId(hashlib.sha256(f"{what} {self._number}".encode()).hexdigest()[:32])


def made_up_actor(institution: InstitutionId) -> Actor:
    """Return somebody of an institution's staff."""
    return Actor(institution, "03.04", "M1", "110", "password+token", "physician")
