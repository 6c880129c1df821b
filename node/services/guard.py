"""Before a log's first signature after a start: is anyone ahead of it? (DESIGN section 3.2).

A restored backup that signed would fork the log. The chain's head is fetched outside any transaction, by `refresh`;
`check` then only compares, so that a chain that is away never keeps the writer waiting.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger.checkpoints import Checkpoint
from ledger.errors import GuardUndecidedError, StateBehindError, StateInconsistentError
from ledger.hashing import TreeSize
from ledger.ports import HashReader
from ledger.proofs import root_at
from node.domain.entry import Origin
from node.errors import ChainError
from node.ports.chain import AnchorChain, AnchoredHead

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


class UnguardedStart:
    """For a node without a chain: nobody else holds a head that could be asked for; `HeadGuard` that always passes."""

    def refresh(self) -> None:
        """Ask nobody."""

    def check(self, committed: Checkpoint | None, reader: HashReader) -> None:
        """Accept any state."""
