"""How followed logs stand, as findings: frozen, silent, or with headers that are held back.

Each is about a log as a whole and cites the entries that show it: of a silent log the last one, whose checkpoint everyone can
compare with what the log serves today; of withheld headers the first entry without one. A frozen log has evidence of its own
(`node.services.oversight.findings`). Left out: what receipts show (`node.services.oversight.pairing`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ledger.checkpoints import parse_checkpoint
from ledger.follower import parse_state
from ledger.hashing import LeafIndex, hash_leaf
from ledger.notes import parse_note
from node.domain.entry import InstitutionId, Origin
from node.ports.logs.index import FollowedIndex, WithheldHeaders
from node.ports.logs.trust import FrozenLog, TrustStore
from node.supervision.findings import EntryPlace, FindingCode, SupervisionFinding


def trusted_size(trust: TrustStore, origin: Origin) -> int:
    """Return the size of the last trusted checkpoint of a log; 0 for none."""
    state = trust.followed(origin)
    note = None if state is None else parse_state(state).note
    return 0 if note is None else int(parse_checkpoint(parse_note(note).text).size)


@dataclass(frozen=True, slots=True)
class StandingRules:
    """What counts as bad standing."""

    header_grace_ms: int
    """How long a header may be missing."""
    silent_ms: int
    """How long a log may go without a new checkpoint."""


class LogStanding:
    """Looks at followed logs; one thread."""

    def __init__(
        self, institutions: Mapping[Origin, InstitutionId], index: FollowedIndex, trust: TrustStore, rules: StandingRules
    ) -> None:
        self._institutions = institutions
        self._index = index
        self._trust = trust
        self._rules = rules
        self._told: dict[Origin, list[SupervisionFinding]] = {}
        self._last_seen: dict[Origin, tuple[int, int]] = {}
        self._first_look_ms: int | None = None

    def news(self, now_ms: int) -> dict[str, list[SupervisionFinding]]:
        """Return all that is found about logs whose standing has changed since the last time."""
        if self._first_look_ms is None:
            self._first_look_ms = now_ms
        frozen = self._trust.frozen()
        withheld = {each.origin: each for each in self._index.withheld(now_ms - self._rules.header_grace_ms)}
        changed: dict[str, list[SupervisionFinding]] = {}
        for origin in self._institutions:
            found = [*self._frozen(origin, frozen.get(origin)), *self._withheld(origin, withheld.get(origin))]
            # a frozen log is not followed any more: its silence is this node's
            found += [] if origin in frozen else self._silent(origin, now_ms)
            if self._told.get(origin) != found:
                changed[origin] = self._told[origin] = found
        return changed

    def _frozen(self, origin: Origin, frozen: FrozenLog | None) -> Iterator[SupervisionFinding]:
        if frozen is not None:
            blamed = (self._institutions[origin],)
            yield SupervisionFinding(FindingCode.LOG_FROZEN, blamed, origin, (), (("reason", frozen.kind),))

    def _withheld(self, origin: Origin, withheld: WithheldHeaders | None) -> Iterator[SupervisionFinding]:
        if withheld is not None:
            values, blamed = (("count", str(withheld.count)),), (self._institutions[origin],)
            yield SupervisionFinding(FindingCode.HEADER_WITHHELD, blamed, origin, self._places(origin, int(withheld.first)), values)

    def _silent(self, origin: Origin, now_ms: int) -> Iterator[SupervisionFinding]:
        size = int(self._index.size(origin))
        # a log that never had an entry is waited for from when this node began to look
        since_ms = self._seen_at(origin, size) if size else (self._first_look_ms or now_ms)
        if now_ms - since_ms > self._rules.silent_ms:
            blamed = (self._institutions[origin],)
            places = self._places(origin, size - 1) if size else ()
            yield SupervisionFinding(FindingCode.LOG_SILENT, blamed, origin, places, (("size", str(size)),))

    def _seen_at(self, origin: Origin, size: int) -> int:
        """Return when the last entry was seen; read once for each size."""
        known = self._last_seen.get(origin)
        if known is None or known[0] != size:
            times = self._index.seen_times(origin, LeafIndex(size - 1), LeafIndex(size))
            known = self._last_seen[origin] = (size, times[0][0])
        return known[1]

    def _places(self, origin: Origin, index: int) -> tuple[EntryPlace, ...]:
        leaves = self._index.leaves(origin, LeafIndex(index), 1)
        return tuple(EntryPlace(origin, index, hash_leaf(leaf), trusted_size(self._trust, origin)) for leaf in leaves)
