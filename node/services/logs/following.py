"""Follow every log of the consortium, this node's own included: prove growth, index leaves, freeze what contradicts.

One loop of the worker role. A log is looked at when the chain tells of an anchor, when this node's own log grew, and at every
`poll_interval_s` besides. What is trusted is durable in `trust.db` before a leaf of it is indexed; the index may be
younger or lost, and is filled up again. A frozen log is left alone until an operator clears it; everything else goes on.

Left out: fetching headers (`header_collection`), the chain's events (`anchor_news`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from ledger.checkpoints import parse_checkpoint
from ledger.errors import LedgerError
from ledger.follower import (
    Contradicted,
    Event,
    Follower,
    FollowerState,
    HeadBehind,
    HeadTrusted,
    LeavesVerified,
    encode_state,
    parse_state,
)
from ledger.forks import KnownHead
from ledger.hashing import LeafIndex, TreeSize
from ledger.notes import parse_note
from node.domain.entry import LeafReference, Level, Origin
from node.domain.recall import RecallCriteria
from node.domain.recognition import Reachability
from node.domain.trust import TrustedLog
from node.errors import ChainError, ConcordError, NodeStoppingError
from node.ports.chain.anchoring import AnchorChain, AnchoredHead
from node.ports.clock import Clock, unix_ms
from node.ports.logs.index import IndexStore
from node.ports.logs.peers import FollowedPeer, Peers
from node.ports.logs.trust import FrozenLog, TrustStore
from node.services.logs.header_collection import HeaderCollector
from node.telemetry import FOLLOWED_SIZE, FROZEN_LOGS
from node.wire.evidence.fork_evidence import ForkEvidence, encode_fork_evidence

WINDOWS_PER_TURN: Final = 16
"""Windows of bundles that one log may fetch before the others have their turn."""
_MAX_BATCH_LEAVES: Final = 65_536
"""Leaves that are indexed in one transaction: their hashes fall all over the index of hashes, whose pages are written once each."""
_FIRST_RETRY_S: Final = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FollowedStatus:
    """How one followed log does."""

    origin: Origin
    """The log."""
    institution: str
    """Whose."""
    state: str
    """`new`, `following`, `behind`, `away`, `refused`, `closed` or `frozen`."""
    reason: str | None
    """Why it is not `following`."""
    trusted_size: int
    """Size of the last trusted checkpoint."""
    indexed: int
    """Leaves that are indexed."""
    looked_at: datetime | None
    """When it answered last."""


class _FollowedLog:
    """What the loop knows of one log."""

    def __init__(self, trusted: TrustedLog, peer: FollowedPeer) -> None:
        self.trusted = trusted
        self.peer = peer
        self.follower: Follower | None = None
        self.anchored: AnchoredHead | None = None
        self.due: datetime | None = None
        """When to look again; None: now."""
        self.failures = 0
        self.state = "new"
        self.reason: str | None = None
        self.looked_at: datetime | None = None

    def show(self, state: str, reason: str | None = None) -> None:
        self.state, self.reason = state, reason


class FollowingService:
    """Follows logs; `step` is the loop's, everything else may be called from any thread."""

    def __init__(  # noqa: PLR0913 - a use case names its collaborators
        self,
        *,
        logs: Iterable[TrustedLog],
        peers: Peers,
        trust: TrustStore,
        index: IndexStore,
        headers: HeaderCollector,
        chain: AnchorChain | None,
        clock: Clock,
        poll_interval_s: float,
        header_grace_s: float,
    ) -> None:
        self._header_grace_ms = int(header_grace_s * 1000)
        self._logs = {each.origin: _FollowedLog(each, peers.log(each)) for each in logs}
        self._trust = trust
        self._index = index
        self._headers = headers
        self._chain = chain
        self._clock = clock
        self._poll_interval_s = poll_interval_s
        self._lock = threading.Lock()
        self._told: set[Origin] = set()
        self._frozen: Mapping[Origin, FrozenLog] = trust.frozen()

    def told(self, origins: Iterable[Origin]) -> None:
        """Note that logs have news; they are looked at in the next step."""
        with self._lock:
            self._told.update(origins)

    def is_frozen(self, origin: Origin) -> bool:
        """Tell whether a log is frozen here."""
        return origin in self._frozen

    def level(self, origin: Origin, leaf_index: int) -> Level:
        """Return how far an entry got that was found in the index, as far as the chain told this node."""
        each = self._logs.get(origin)
        anchored = None if each is None else each.anchored
        return Level.LOGGED if anchored is None or leaf_index >= anchored.size else Level.ANCHORED

    def is_recalled(self, entry: LeafReference) -> bool:
        """Tell whether a recall of an entry's own log that stands names it."""
        return self._index.is_recalled(entry)

    def standing_recalls(self, origin: Origin) -> Sequence[RecallCriteria]:
        """Return what the recalls of a log that stand are about."""
        return self._index.standing_recalls(origin)

    def reachability(self, origin: Origin) -> Reachability:
        """Return whether the node that serves a log answered lately."""
        each = self._logs.get(origin)
        if each is not None and each.state == "away":
            return Reachability.AWAY
        if each is None or each.looked_at is None:
            return Reachability.UNKNOWN
        lately = self._clock.now() - each.looked_at <= timedelta(seconds=2 * self._poll_interval_s)
        return Reachability.REACHABLE if lately else Reachability.UNKNOWN

    def head(self, origin: Origin) -> bytes | None:
        """Return the last trusted head of a log, a signed note: what is indexed lies below it; None before the first."""
        each = self._logs.get(origin)
        follower = None if each is None else each.follower
        if follower is not None and follower.state.note is not None:
            return follower.state.note
        kept = self._trust.followed(origin)
        return None if kept is None else parse_state(kept).note

    def report(self) -> list[FollowedStatus]:
        """Return how each log does."""
        frozen = self._frozen
        return [self._status(each, frozen.get(origin)) for origin, each in sorted(self._logs.items())]

    def anchored_heads(self) -> dict[Origin, AnchoredHead]:
        """Return the heads that the chain held of logs when they were looked at last; those without one are left out."""
        return {origin: each.anchored for origin, each in self._logs.items() if each.anchored is not None}

    def withheld(self) -> dict[Origin, int]:
        """Return how many headers of each log are overdue; logs without any are left out."""
        overdue = self._index.withheld(unix_ms(self._clock) - self._header_grace_ms)
        return {each.origin: each.count for each in overdue}

    def step(self) -> bool:
        """Look at the logs that are due.

        Returns:
            Whether one of them has more than this step could fetch.
        """
        self._read_freezes()
        now = self._clock.now()
        with self._lock:
            told, self._told = self._told, set()
        for origin in told & self._logs.keys():
            self._logs[origin].due = None
        due = [
            each
            for each in self._logs.values()
            if (each.due is None or each.due <= now) and not self.is_frozen(each.trusted.origin)
        ]
        return sum(self._look(each, now) for each in due) > 0

    def _read_freezes(self) -> None:
        """Learn what an operator cleared, in whatever process."""
        frozen = self._trust.frozen()
        for origin in self._frozen.keys() - frozen.keys():
            log.warning("log_unfrozen", origin=origin)
            self.told([origin])
        self._frozen = frozen
        FROZEN_LOGS.set(len(frozen))

    def _look(self, each: _FollowedLog, now: datetime) -> bool:
        """Follow one log; return whether it has more than one turn allows."""
        try:
            more = self._follow(each) or self._headers.step(each.trusted.origin, each.peer, now)
        except NodeStoppingError:
            raise
        except (LedgerError, ConcordError) as error:
            self._failed(each, now, error)
            return False
        each.failures = 0
        each.looked_at = now
        each.due = None if more else now + timedelta(seconds=self._poll_interval_s)
        return more

    def _failed(self, each: _FollowedLog, now: datetime, error: Exception) -> None:
        """Start from what is durable next time: a follower that released leaves which were not indexed would skip them."""
        each.follower = None
        each.failures += 1
        delay_s = min(_FIRST_RETRY_S * 2 ** min(each.failures - 1, 16), max(self._poll_interval_s, _FIRST_RETRY_S))
        each.due = now + timedelta(seconds=delay_s)
        state = "away" if isinstance(error, ConnectionError) else "refused"
        if (state, str(error)) != (each.state, each.reason):
            log.warning("log_not_followed", origin=each.trusted.origin, error=type(error).__name__, reason=str(error))
        each.show(state, str(error))

    def _follow(self, each: _FollowedLog) -> bool:
        follower = each.follower or self._open(each)
        each.follower = follower
        if not follower.wanted():
            note = each.peer.checkpoint()
            if note is None:
                each.show("new")
                return False
            if _is_beyond_its_end(each.trusted, note):
                each.show("closed", "it went on after the consortium closed it; what came after is void")
                return False
            each.show("following")
            self._keep(each, follower.offer(note, self._known(each)))
        batch: list[LeavesVerified] = []
        for _ in range(WINDOWS_PER_TURN):
            wanted = follower.wanted()
            if not wanted:
                break
            events = follower.receive(dict(zip(wanted, each.peer.read(wanted), strict=True)))
            self._keep(each, [event for event in events if not isinstance(event, LeavesVerified)])
            batch += [event for event in events if isinstance(event, LeavesVerified)]
            if sum(len(event.entries) for event in batch) >= _MAX_BATCH_LEAVES:
                self._index_leaves(each, batch)
                batch = []
        self._index_leaves(each, batch)
        return bool(follower.wanted())

    def _index_leaves(self, each: _FollowedLog, batch: Sequence[LeavesVerified]) -> None:
        if batch:
            leaves = [leaf for event in batch for leaf in event.entries]
            hashes = [leaf_hash for event in batch for leaf_hash in event.hashes]
            self._index.append(each.trusted.origin, batch[0].first, leaves, hashes, unix_ms(self._clock))

    def _open(self, each: _FollowedLog) -> Follower:
        """Take up following where what is durable says."""
        origin = each.trusted.origin
        kept = self._trust.followed(origin)
        state = FollowerState() if kept is None else parse_state(kept)
        follower = Follower(origin, each.trusted.keys, replace(state, released=LeafIndex(0)))
        size = TreeSize(0) if follower.trusted is None else follower.trusted.size
        if self._index.size(origin) > size:
            # trust.db is older than the index: what was trusted then is not known any more
            self._index.truncate(origin, LeafIndex(size))
        return Follower(origin, each.trusted.keys, replace(state, released=self._index.size(origin)))

    def _known(self, each: _FollowedLog) -> Sequence[KnownHead]:
        """Return what the chain and this node's own witnesses hold of a log."""
        origin = each.trusted.origin
        if self._chain is not None:
            try:
                each.anchored = self._chain.anchored_head(origin)
            except ChainError as error:
                # followed all the same, against what the chain said last
                log.debug("chain_unusable", reason=str(error))
        witnessed = [KnownHead(head.size, head.root, head.note) for head in self._trust.witnessed_heads(origin)]
        anchored = each.anchored
        return witnessed if anchored is None else [KnownHead(anchored.size, anchored.root), *witnessed]

    def _keep(self, each: _FollowedLog, events: Sequence[Event]) -> None:
        origin = each.trusted.origin
        for event in events:
            if isinstance(event, HeadTrusted):
                self._trust.keep_followed(origin, encode_state(FollowerState(event.note, self._index.size(origin))))
                FOLLOWED_SIZE.labels(origin).set(event.checkpoint.size)
            elif isinstance(event, HeadBehind):
                each.show("behind", f"it serves size {event.size}, others hold size {event.known_size}")
            elif isinstance(event, Contradicted):
                self._freeze(each, event)

    def _freeze(self, each: _FollowedLog, event: Contradicted) -> None:
        origin, now_ms = each.trusted.origin, unix_ms(self._clock)
        evidence = encode_fork_evidence(ForkEvidence(origin, event.contradiction, now_ms))
        self._trust.freeze(FrozenLog(origin, event.contradiction.kind.value, evidence, now_ms))
        self._frozen = self._trust.frozen()
        FROZEN_LOGS.set(len(self._frozen))
        each.follower = None
        # the audit line: what happened, to whom, and how to get at the proof
        log.critical(
            "log_frozen",
            origin=origin,
            institution=each.trusted.institution,
            kind=event.contradiction.kind.value,
            remedy=f"concord log fork-evidence {origin} -o FILE",
        )

    def _status(self, each: _FollowedLog, frozen: FrozenLog | None) -> FollowedStatus:
        origin, follower = each.trusted.origin, each.follower
        trusted = None if follower is None else follower.trusted
        state, reason = (each.state, each.reason) if frozen is None else ("frozen", frozen.kind)
        indexed = self._index.size(origin)
        size = indexed if trusted is None else trusted.size
        return FollowedStatus(origin, each.trusted.institution, state, reason, size, indexed, each.looked_at)


def _is_beyond_its_end(log: TrustedLog, note: bytes) -> bool:
    """Tell whether a checkpoint is of a size at which the consortium had closed the log already."""
    return log.closed is not None and parse_checkpoint(parse_note(note).text).size > log.closed.final_size
