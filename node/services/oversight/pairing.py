"""Supervision's loop: read receipts out of all followed logs, judge their requests, keep what is found (`node.supervision`).

One loop of the worker role, at nodes that host a regulator. Each step reads the entries that came since, and those whose
headers came late, judges the requests that they belong to and those whose time has come, and keeps all of it in one
transaction: after a crash a step is done again, with the same result. What a step costs depends on what is new.

A log counts as seen until the time at which the follower last had all of it and every receipt in it could be read: who
withholds a header is blamed for that, and nobody else's silence is held against them meanwhile.

Left out: the rules (`node.supervision.pairing`), fetching logs and headers (`following`), how logs stand (`log_standing`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ledger.hashing import LeafIndex, hash_leaf
from node.domain.access import AccessContent, CodeContent, RequestId
from node.domain.entry import EntryType, InstitutionId, Origin
from node.domain.recognition_acts import CheckContent
from node.errors import HeaderVerificationError, InputError
from node.ports.clock import Clock, unix_ms
from node.ports.logs.index import FollowedEntry, FollowedIndex, LeafPlace
from node.ports.logs.trust import TrustStore
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.ports.supervision.findings import LogCursor, ReceiptRow, SupervisionStore, SupervisionUpdate
from node.services.logs.following import FollowingService
from node.services.logs.log_standing import LogStanding, trusted_size
from node.services.oversight.audit_keys import AuditKeys
from node.supervision.findings import EntryPlace, FindingCode, SupervisionFinding
from node.supervision.pairing import REACH, PairingRules, Receipt, judge_request, mistimed
from node.wire.header.seal import HeaderPlace
from node.wire.leaf import parse_leaf

BATCH_LEAVES: Final = 4_096
"""Leaves of one log that a step looks at."""
BATCH_REQUESTS: Final = 1_000
"""Requests that a step judges because their time has come."""
MAX_WAITING: Final = 10_000
"""Entries without a header that a step asks for again."""
RECHECK_MS: Final = 5_000
"""When to look again at a request whose other side's log was not followed so far."""

RECEIPT_TYPES: Final = frozenset({EntryType.ACCESS_RECEIPT, EntryType.CHECK_OUTCOME})
"""Entry types that it reads."""
_TYPE_AT: Final = 1


@dataclass
class _Step:
    """What one step has found so far."""

    now_ms: int
    waited: Mapping[Origin, Sequence[int]]
    cursors: dict[Origin, LogCursor] = field(default_factory=dict)
    waiting: set[tuple[Origin, int]] = field(default_factory=set)
    arrived: set[tuple[Origin, int]] = field(default_factory=set)
    rows: list[ReceiptRow] = field(default_factory=list)
    opened: dict[tuple[Origin, int], Receipt] = field(default_factory=dict)
    groups: dict[str, list[SupervisionFinding]] = field(default_factory=dict)
    sizes: dict[Origin, int] = field(default_factory=dict)
    more: bool = False

    def first_waiting(self, origin: Origin) -> int | None:
        """Return the first entry of a log whose header has not come yet."""
        waiting = [index for index in self.waited.get(origin, ()) if (origin, index) not in self.arrived]
        waiting += [index for each, index in self.waiting if each == origin]
        return min(waiting, default=None)


class PairingService:
    """Pairs receipts; `step` is the loop's alone."""

    def __init__(  # noqa: PLR0913 - a use case names its collaborators
        self,
        *,
        institutions: Mapping[Origin, InstitutionId],
        following: FollowingService,
        index: FollowedIndex,
        trust: TrustStore,
        keys: AuditKeys,
        store: SupervisionStore,
        writer: RecordsWriter,
        clock: Clock,
        standing: LogStanding,
        grace_s: float,
    ) -> None:
        self._institutions = institutions
        self._following = following
        self._index = index
        self._trust = trust
        self._keys = keys
        self._store = store
        self._writer = writer
        self._clock = clock
        self._grace_ms = int(grace_s * 1000)
        self._standing = standing

    def step(self) -> bool:
        """Look at what is new, and at what has become due.

        Returns:
            Whether there is more than one step takes.
        """
        step = _Step(unix_ms(self._clock), self._store.waiting(MAX_WAITING))
        cursors = dict(self._store.cursors())
        # before the leaves: what is complete by this report is complete in what is read after it
        complete = self._complete_at()
        for origin in self._institutions:
            self._read_log(step, origin, cursors.get(origin, LogCursor(0, 0)), complete.get(origin))
        due = self._judge(step, {**cursors, **step.cursors})
        step.groups |= self._standing.news(step.now_ms)
        update = SupervisionUpdate(
            now_ms=step.now_ms,
            cursors=step.cursors,
            waiting=step.waiting,
            arrived=step.arrived,
            receipts=step.rows,
            due=due,
            groups=step.groups,
        )

        if update.is_empty:
            return step.more

        def keep(transaction: RecordsTransaction) -> None:
            self._store.keep(transaction, update)

        self._writer.submit(keep).result()
        return step.more

    # Reading

    def _complete_at(self) -> dict[Origin, tuple[int, int]]:
        """Return, for each log that is followed up to its head, its size and when that was."""
        return {
            status.origin: (status.indexed, int(status.looked_at.timestamp() * 1000))
            for status in self._following.report()
            # a log that has published nothing yet was looked at, too
            if status.state in {"following", "new"} and status.looked_at is not None and status.indexed >= status.trusted_size
        }

    def _read_log(self, step: _Step, origin: Origin, cursor: LogCursor, complete: tuple[int, int] | None) -> None:
        start, size = cursor.next_index, int(self._index.size(origin))
        late = [LeafIndex(index) for index in step.waited.get(origin, ())]
        leaves = self._index.leaves(origin, LeafIndex(start), BATCH_LEAVES) if start < size else []
        new = [LeafIndex(start + at) for at, leaf in enumerate(leaves) if leaf[_TYPE_AT : _TYPE_AT + 1] in _TYPES]
        self._read_times(step, origin, cursor, leaves)
        entries = self._index.entries([LeafPlace(origin, index) for index in (*late, *new)])
        for place in sorted(entries, key=lambda each: each.index):
            self._read_entry(step, entries[place], cursor, late=place.index < start)
        reached = start + len(leaves)
        step.more = step.more or reached < size
        is_complete = complete is not None and reached >= complete[0]
        complete_at_ms = max(cursor.complete_at_ms, complete[1]) if complete is not None and is_complete else cursor.complete_at_ms
        if (reached, complete_at_ms) != (cursor.next_index, cursor.complete_at_ms):
            step.cursors[origin] = LogCursor(reached, complete_at_ms)

    def _read_entry(self, step: _Step, entry: FollowedEntry, cursor: LogCursor, *, late: bool) -> None:
        place = entry.place.origin, int(entry.place.index)
        if entry.header is None:
            if not late:
                step.waiting.add(place)
            return
        if late:
            step.arrived.add(place)
        absent_at_ms = cursor.complete_at_ms or None
        where = EntryPlace(*place, hash_leaf(entry.leaf), self._trusted_size(step, entry.place.origin))
        content = self._open(entry)
        if isinstance(content, str):
            step.groups[_subject(where)] = [self._unreadable(where, content)]
        elif content is not None:
            # one that came late was in the log before its header was
            receipt = self._receipt(entry, where, content, None if late else absent_at_ms)
            self._take(step, receipt)
        elif not late:
            self._mistimed(step, where, entry.leaf, entry.seen_at_ms, absent_at_ms)

    def _read_times(self, step: _Step, origin: Origin, cursor: LogCursor, leaves: Sequence[bytes]) -> None:
        """Look at the times of acts that are no receipts: what was backdated makes up a basis, or a reason, afterwards."""
        for index, leaf in enumerate(leaves, cursor.next_index):
            if leaf[_TYPE_AT : _TYPE_AT + 1] in _TIMED:
                where = EntryPlace(origin, index, hash_leaf(leaf), self._trusted_size(step, origin))
                self._mistimed(step, where, leaf, step.now_ms, cursor.complete_at_ms or None)

    def _mistimed(self, step: _Step, where: EntryPlace, leaf: bytes, seen_at_ms: int, absent_at_ms: int | None) -> None:
        claimed_ms = parse_leaf(leaf).claimed_time_ms
        found = list(mistimed(self._institutions[where.origin], where, claimed_ms, seen_at_ms, absent_at_ms))
        if found:
            step.groups[f"time {_subject(where)}"] = found

    def _take(self, step: _Step, receipt: Receipt) -> None:
        if receipt.content.outcome in REACH:
            row = ReceiptRow(receipt.place, receipt.content.request_id, receipt.first_seen_ms, receipt.absent_at_ms)
            step.rows.append(row)
            step.opened[receipt.place.origin, receipt.place.leaf_index] = receipt
            return
        # it has no other side: what it shows, it shows by itself, once and for all
        judged = judge_request([receipt], step.now_ms, self._rules(step, {}))
        if judged.findings:
            step.groups[_subject(receipt.place)] = list(judged.findings)

    def _open(self, entry: FollowedEntry) -> AccessContent | str | None:
        """Return what a receipt says; why it cannot be read; or None for what is no access."""
        try:
            leaf = parse_leaf(entry.leaf)
            place = HeaderPlace(entry.place.origin, leaf.entry_type, leaf.tag)
            content = self._keys.open(entry.header or b"", place).content
        except (InputError, HeaderVerificationError) as error:
            return type(error).__name__
        if isinstance(content, AccessContent):
            return content
        return None if isinstance(content, CodeContent | CheckContent) else "NotAReceipt"

    def _receipt(self, entry: FollowedEntry, place: EntryPlace, content: AccessContent, absent_at_ms: int | None) -> Receipt:
        return Receipt(
            place=place,
            institution=self._institutions[entry.place.origin],
            leaf_time_ms=parse_leaf(entry.leaf).claimed_time_ms,
            first_seen_ms=entry.seen_at_ms,
            absent_at_ms=absent_at_ms,
            content=content,
        )

    def _trusted_size(self, step: _Step, origin: Origin) -> int:
        if origin not in step.sizes:
            step.sizes[origin] = trusted_size(self._trust, origin)
        return step.sizes[origin]

    # Judging

    def _judge(self, step: _Step, cursors: Mapping[Origin, LogCursor]) -> dict[RequestId, int | None]:
        due = self._store.due(step.now_ms, BATCH_REQUESTS)
        step.more = step.more or len(due) == BATCH_REQUESTS
        wanted = dict.fromkeys([*(row.request_id for row in step.rows), *due])
        receipts: defaultdict[RequestId, list[Receipt]] = defaultdict(list)
        for receipt in (*self._reopen(self._store.receipts(wanted)), *step.opened.values()):
            receipts[receipt.content.request_id].append(receipt)
        rules = self._rules(step, cursors)
        again: dict[RequestId, int | None] = {}
        for request_id in wanted:
            judged = judge_request(receipts[request_id], step.now_ms, rules)
            step.groups[request_id] = list(judged.findings)
            again[request_id] = judged.look_again_at_ms
        return again

    def _reopen(self, rows: Sequence[ReceiptRow]) -> list[Receipt]:
        entries = self._index.entries([LeafPlace(row.place.origin, LeafIndex(row.place.leaf_index)) for row in rows])
        receipts = []
        for row in rows:
            entry = entries.get(LeafPlace(row.place.origin, LeafIndex(row.place.leaf_index)))
            content = None if entry is None or entry.header is None else self._open(entry)
            if entry is not None and isinstance(content, AccessContent):
                receipts.append(self._receipt(entry, row.place, content, row.absent_at_ms))
        return receipts

    def _rules(self, step: _Step, cursors: Mapping[Origin, LogCursor]) -> PairingRules:
        seen: dict[InstitutionId, int] = {}
        for origin, institution in self._institutions.items():
            until_ms = 0 if origin not in cursors else self._readable_until(step, origin, cursors[origin])
            seen[institution] = min(until_ms, seen.get(institution, until_ms))
        return PairingRules(self._grace_ms, lambda institution: seen.get(institution, 0), RECHECK_MS)

    def _readable_until(self, step: _Step, origin: Origin, cursor: LogCursor) -> int:
        first = step.first_waiting(origin)
        if first is None:
            return cursor.complete_at_ms
        entry = self._index.entries([LeafPlace(origin, LeafIndex(first))])
        return min([cursor.complete_at_ms, *(each.seen_at_ms for each in entry.values())])

    def _unreadable(self, place: EntryPlace, reason: str) -> SupervisionFinding:
        blamed = (self._institutions[place.origin],)
        return SupervisionFinding(FindingCode.HEADER_UNREADABLE, blamed, _subject(place), (place,), (("reason", reason),))


_TYPES: Final = frozenset(bytes((each,)) for each in RECEIPT_TYPES)
_TIMED: Final = frozenset(bytes((each,)) for each in (EntryType.RECOGNITION_DECISION, EntryType.CONSENT_DOCUMENT))


def _subject(place: EntryPlace) -> str:
    return f"{place.origin}#{place.leaf_index}"
