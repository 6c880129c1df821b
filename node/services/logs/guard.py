"""Before a log's first signature after a start: is anyone ahead of it? (DESIGN section 3.2).

A restored backup that signed would fork the log. The chain's head is fetched outside any transaction, by `refresh`;
`check` then only compares, so that a chain that is away never keeps the writer waiting. Where the chain does not answer, a
quorum of other institutions' witnesses does instead: each is asked to cosign the checkpoint that is there, which it does
only if it has seen no larger and no other one.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ledger.checkpoints import Checkpoint, parse_checkpoint
from ledger.errors import GuardUndecidedError, LedgerError, StateBehindError, StateInconsistentError
from ledger.hashing import NodeHash, TreeSize
from ledger.notes import parse_note
from ledger.ports import HashReader
from ledger.proofs import prove_consistency, root_at
from node.domain.entry import InstitutionId, Origin
from node.domain.trust import TrustedWitness
from node.errors import ChainError, ConcordError, WitnessAheadError, WitnessContradictsError
from node.ports.chain.anchoring import AnchorChain, AnchoredHead
from node.ports.records.transaction import RecordsReader
from node.services.logs.witness_exchange import WitnessExchange

_WITNESS = "the chain"


@dataclass(frozen=True, slots=True)
class _Answer:
    head: AnchoredHead | None


class ChainHeadGuard:
    """Compares a log with the chain's head of it; a `HeadGuard`."""

    def __init__(self, chain: AnchorChain, origin: Origin) -> None:
        self._chain = chain
        self._origin = origin
        self._answer: _Answer | None = None
        self._reason = "it was not asked yet"

    def refresh(self) -> None:
        """Ask the chain; no answer leaves the guard undecided."""
        try:
            self._answer = _Answer(self._chain.anchored_head(self._origin))
        except ChainError as error:
            self._answer = None
            self._reason = str(error)

    def check(self, committed: Checkpoint | None, reader: HashReader) -> None:
        """Compare the committed checkpoint with the chain's head.

        Raises:
            StateBehindError: The chain holds a larger head.
            StateInconsistentError: The chain holds a head that this log contradicts.
            GuardUndecidedError: The chain has not answered.
        """
        if self._answer is None:
            raise GuardUndecidedError(f"the chain has not told its head of {self._origin}: {self._reason}")
        head = self._answer.head
        if head is None:
            return
        own_size = 0 if committed is None else committed.size
        if head.size > own_size:
            raise StateBehindError(own_size, head.size, _WITNESS)
        if head.size and root_at(reader, TreeSize(head.size)) != head.root:
            raise StateInconsistentError(own_size, head.size, _WITNESS)

    @property
    def is_undecided(self) -> bool:
        """Whether the chain has not answered."""
        return self._answer is None


class WitnessHeads:
    """What witnesses of other nodes hold of a log; asked by having them cosign what is committed."""

    def __init__(
        self,
        origin: Origin,
        witnesses: Sequence[TrustedWitness],
        *,
        quorum: int,
        exchange: WitnessExchange,
        reader: RecordsReader,
    ) -> None:
        self._origin = origin
        self._witnesses = witnesses
        self._quorum = quorum
        self._exchange = exchange
        self._reader = reader
        self._agreed: set[InstitutionId] = set()
        self._against: WitnessAheadError | WitnessContradictsError | None = None

    def refresh(self) -> None:
        """Ask all of them."""
        self._agreed, self._against = set(), None
        note = self._reader.log(self._origin).checkpoint()
        if note is None:
            # nothing is signed that they could compare: a new log, or one that was lost whole
            return
        checkpoint = parse_checkpoint(parse_note(note).text)
        with ThreadPoolExecutor(max(1, len(self._witnesses)), thread_name_prefix="guard") as pool:
            # all at once: those that are away take as long as their time-out
            answers = list(pool.map(lambda each: self._ask(each, checkpoint, note), self._witnesses))
        self._agreed = {each.institution for each, answer in zip(self._witnesses, answers, strict=True) if answer is None}
        against = [answer for answer in answers if isinstance(answer, WitnessAheadError | WitnessContradictsError)]
        self._against = against[0] if against else None

    def _ask(self, witness: TrustedWitness, checkpoint: Checkpoint, note: bytes) -> Exception | None:
        """Have a witness cosign; return why it does not."""
        try:
            self._exchange.cosign(witness, checkpoint, note, self._prove)
        except (ConcordError, LedgerError) as error:
            return error
        return None

    def check(self, committed: Checkpoint | None) -> None:
        """Say what they said.

        Raises:
            StateBehindError: One of them holds a larger head.
            StateInconsistentError: One of them holds a head that this log contradicts.
            GuardUndecidedError: Fewer than a quorum of institutions agreed.
        """
        own_size = 0 if committed is None else committed.size
        against = self._against
        if isinstance(against, WitnessAheadError):
            raise StateBehindError(own_size, against.known_size, f"the witness of {against.witness}")
        if against is not None:
            raise StateInconsistentError(own_size, against.known_size, f"the witness of {against.witness}")
        if not 0 < self._quorum <= len(self._agreed):
            agreed = f"{len(self._agreed)} other institutions' witnesses agreed, {self._quorum} are needed"
            raise GuardUndecidedError(f"neither the chain nor a quorum of witnesses tells the head of {self._origin}: {agreed}")

    def _prove(self, old: TreeSize, new: TreeSize) -> tuple[NodeHash, ...]:
        return prove_consistency(self._reader.hashes(self._origin, new), old, new)


class QuorumGuard:
    """The chain, or a quorum of the others where it does not answer; a `HeadGuard`."""

    def __init__(self, chain: ChainHeadGuard, others: WitnessHeads) -> None:
        self._chain = chain
        self._others = others

    def refresh(self) -> None:
        """Ask the chain, and the others only if it does not answer."""
        self._chain.refresh()
        if self._chain.is_undecided:
            self._others.refresh()

    def check(self, committed: Checkpoint | None, reader: HashReader) -> None:
        """Compare the committed checkpoint with what they hold.

        Raises:
            StateBehindError: Someone holds a larger head.
            StateInconsistentError: Someone holds a head that this log contradicts.
            GuardUndecidedError: Neither has answered.
        """
        if self._chain.is_undecided:
            self._others.check(committed)
        else:
            self._chain.check(committed, reader)


class UnguardedStart:
    """For a node without a chain: nobody else holds a head that could be asked for; `HeadGuard` that always passes."""

    def refresh(self) -> None:
        """Ask nobody."""

    def check(self, committed: Checkpoint | None, reader: HashReader) -> None:
        """Accept any state."""
