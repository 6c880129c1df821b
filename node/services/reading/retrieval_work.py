"""Send requests to holders, verify what comes, keep it and log it: the loop behind `retrieval` (docs/spec/retrieval.md).

Nothing is kept or shown that was not verified: the entry first (trust root, log, tag, version), then each part before it is
kept. What is kept becomes visible in the transaction that stages this side's receipt. After a crash at any point the same
request goes out again under the same id; the holder logs it once. A holder that is away is asked again, later each time,
until the order is forgotten. Answers that nobody signed are no answers.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import BinaryIO, Final

import structlog

from ledger.errors import LedgerError
from ledger.hashing import hash_leaf
from node.domain.access import AccessContent, AccessOutcome, AccessSide
from node.domain.entry import InstitutionId, Origin
from node.domain.retrieval import RequestState, RetrievalId, RetrievalRequest
from node.domain.trust import TrustRoot
from node.errors import (
    ConcordError,
    ForeignDisclosureError,
    MemberError,
    MemberRefusedError,
    NodeStoppingError,
    OutdatedDisclosureError,
    ResponseSignatureError,
    SettingsError,
    VerificationError,
    WireError,
)
from node.identity.sealed import parse_patient_keys
from node.ports.clock import Clock, unix_ms
from node.ports.keys.identities import InstitutionIdentity
from node.ports.keys.signing import NodeKeys
from node.ports.members.requests import MemberClient
from node.ports.reading.retrievals import RetrievalStore, SealedOrder, StateChange
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.services.disclosure import HEAD, RETRIEVED
from node.services.reading.disclosure_stream import DisclosureReader, VerifiedHead, spooled
from node.services.reading.retrieval import ORDER_SEAL
from node.services.records.entries import EntryComposer
from node.services.records.receipts import ReceiptDraft, receipt_entry
from node.telemetry import RETRIEVALS, RETRIEVALS_OPEN
from node.wire.evidence.file import encode_evidence
from node.wire.evidence.opened_part import encode_opened_part
from node.wire.members.disclosure import DISCLOSURE_MEDIA_TYPE, DisclosureBasis, parse_request
from node.wire.members.http_signature import SignatureTag

log = structlog.get_logger(__name__)

DISCLOSURES_PATH = "/v1/disclosures"
MAX_STREAM_BYTES: Final = 256 * 1024 * 1024

_BATCH = 256
_AT_ONCE = 8
_FIRST_DELAY_MS = 1_000
_MAX_DELAY_MS = 3_600_000
_JITTER = 0.5
_KEPT_AT_ONCE_BYTES = 1 << 20
_DENIED = "not-disclosed"
_LATER: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Signed refusals that another time may not be one."""
_NOTHING: Final = DisclosureBasis(None, None, None)
_random = secrets.SystemRandom()
_Link = tuple[InstitutionId, InstitutionId]
"""A hosted institution that asks, and a holder."""


@dataclass(frozen=True, slots=True)
class WorkParts:
    """What the work needs."""

    store: RetrievalStore
    """Keeps requests and what they bring."""
    clients: Mapping[InstitutionId, MemberClient]
    """Ask holders."""
    identities: Mapping[InstitutionId, InstitutionIdentity]
    """Open what is sealed to the institutions."""
    trust_root: Callable[[], TrustRoot | None]
    """What evidence is verified with."""
    composer: EntryComposer
    """Stages receipts."""
    keys: NodeKeys
    """Opens orders, seals parts."""
    writer: RecordsWriter
    """The one writer."""
    clock: Clock
    """Tells the time."""
    staged: Callable[[Origin], None]
    """Says that a log has something staged."""
    origins: Mapping[InstitutionId, Origin]
    """Logs of the hosted institutions."""
    changed: Callable[[InstitutionId, RetrievalId], None]
    """Says that a request's state has changed."""


@dataclass(frozen=True, slots=True)
class _Ending:
    """How an attempt ended."""

    state: RequestState
    outcome: AccessOutcome | None
    reason: str
    basis: DisclosureBasis = _NOTHING
    parts: Sequence[tuple[int, bytes]] = ()
    """Sealed parts that are not kept yet: all of a report, the last ones of a study."""


class RetrievalWork:
    """Works requests off."""

    def __init__(self, parts: WorkParts, jitter: Callable[[float, float], float] = _random.uniform) -> None:
        self._parts = parts
        self._jitter = jitter
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="retrieval")
        self._wake: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._under_way: dict[_Link, Future[None]] = {}
        self._waiting: set[_Link] = set()

    def close(self) -> None:
        """Stop; what is under way is finished."""
        self._pool.shutdown(cancel_futures=True)

    def on_news(self, wake: Callable[[], None]) -> None:
        """Let `wake` be called when there is something to begin that could not be begun before."""
        self._wake = wake

    def begin(self) -> None:
        """Begin to send what is due, to several holders at once; never called by two threads.

        What is for a holder that is being asked waits for that, and nothing else does: a holder that hangs holds up its own.
        """
        with self._lock:
            # before the look: of a link that is free now, nothing is under way that the look does not know of
            busy = set(self._under_way)
        requests = sorted(self._parts.store.due(unix_ms(self._parts.clock), _BATCH), key=_link)
        for link, group in groupby(requests, key=_link):
            with self._lock:
                if link not in busy:
                    self._under_way[link] = self._pool.submit(self._work_off_link, link, list(group))
                elif link in self._under_way:
                    self._waiting.add(link)
                else:
                    # it has become free since
                    self._wake()
        RETRIEVALS_OPEN.set(self._parts.store.open_count())

    def finish(self) -> None:
        """Wait until nothing is under way; raises what failed."""
        while True:
            with self._lock:
                under_way = list(self._under_way.values())
            if not under_way:
                return
            for future in under_way:
                future.result()

    def _work_off_link(self, link: _Link, requests: Sequence[RetrievalRequest]) -> None:
        try:
            self._work_off(requests)
        except NodeStoppingError:
            raise
        except Exception:
            log.exception("retrieval_failed", holder=link[1])
            raise
        finally:
            with self._lock:
                self._under_way.pop(link, None)
                is_awaited = link in self._waiting
                self._waiting.discard(link)
            if is_awaited:
                self._wake()

    def _work_off(self, requests: Sequence[RetrievalRequest]) -> None:
        """Send one holder's requests in turn; once it is away, the others wait as well."""
        for position, request in enumerate(requests):
            order = self._parts.store.order(request.request_id)
            if order is None:
                continue
            ending = self._attempt(request, order)
            self._end(request, order, ending)
            if ending.state is RequestState.HOLDER_AWAY and ending.reason == "MemberAwayError":
                for late in requests[position + 1 :]:
                    waiting = self._parts.store.order(late.request_id)
                    if waiting is not None:
                        self._end(late, waiting, ending)
                return

    def _attempt(self, request: RetrievalRequest, order: SealedOrder) -> _Ending:
        with spooled() as spool:
            try:
                self._ask(request, order, spool)
            except NodeStoppingError:
                raise
            except MemberRefusedError as error:
                return _refused(error)
            except (MemberError, ResponseSignatureError) as error:
                return _Ending(RequestState.HOLDER_AWAY, AccessOutcome.UNANSWERED, type(error).__name__)
            try:
                basis, parts = self._verify(request, spool)
            except (WireError, VerificationError, LedgerError) as error:
                log.warning("disclosure_rejected", holder=request.target.holder, error=type(error).__name__)
                return _Ending(RequestState.REJECTED, AccessOutcome.REJECTED, type(error).__name__)
            except ConcordError as error:
                # this node's own fault, such as no trust root: the holder has answered, and is asked again
                log.warning("disclosure_not_verified", error=type(error).__name__, reason=str(error))
                return _Ending(RequestState.HOLDER_AWAY, None, type(error).__name__)
        return _Ending(RequestState.VERIFIED, AccessOutcome.DISCLOSED, "", basis, parts)

    def _ask(self, request: RetrievalRequest, order: SealedOrder, spool: BinaryIO) -> None:
        body = self._parts.keys.open(ORDER_SEAL, order.body)
        client, holder = self._parts.clients[request.institution], request.target.holder
        answer = client.post_into(holder, DISCLOSURES_PATH, body, SignatureTag.RETRIEVE, spool, MAX_STREAM_BYTES)
        if answer.content_type != DISCLOSURE_MEDIA_TYPE:
            raise MemberRefusedError(holder, answer.status, "another-media-type")
        spool.seek(0)

    def _verify(self, request: RetrievalRequest, spool: BinaryIO) -> tuple[DisclosureBasis, Sequence[tuple[int, bytes]]]:
        """Verify what came; keep what is too long to be held, invisible until the request counts as verified."""
        root = self._parts.trust_root()
        if root is None:
            raise SettingsError("this node has no trust root; put the consortium's into its directory")
        reader = DisclosureReader(spool, self._parts.identities[request.institution].unseal, request.request_id)
        head = reader.head(root, self._parts.clock)
        _check_target(request, head)
        held = [(HEAD, self._seal(encode_evidence(head.evidence)))]
        size, is_first = len(held[0][1]), True
        for part in reader.parts(head):
            sealed = self._seal(encode_opened_part(part))
            if size + len(sealed) > _KEPT_AT_ONCE_BYTES and held:
                self._keep(request, held, is_first=is_first)
                held, size, is_first = [], 0, False
            held.append((part.number, sealed))
            size += len(sealed)
        return head.basis, held

    def _keep(self, request: RetrievalRequest, parts: Sequence[tuple[int, bytes]], *, is_first: bool) -> None:
        received = StateChange(RequestState.RECEIVED, "", request.attempts, request.next_attempt_at_ms, None)

        def work(transaction: RecordsTransaction) -> None:
            if is_first:
                # what an attempt left that crashed before its end
                self._parts.store.drop_parts(transaction, request.request_id)
                self._parts.store.change(transaction, request.request_id, received)
            self._parts.store.keep_parts(transaction, request.request_id, parts)

        self._submit(work)

    def _seal(self, content: bytes) -> bytes:
        return self._parts.keys.seal(RETRIEVED, content)

    def _submit(self, work: Callable[[RecordsTransaction], object]) -> None:
        self._parts.writer.submit_together(work).result()

    def _end(self, request: RetrievalRequest, order: SealedOrder, ending: _Ending) -> None:
        """Note how an attempt ended, and log it, in one transaction."""
        now_ms, is_open = unix_ms(self._parts.clock), ending.state is RequestState.HOLDER_AWAY
        attempts = request.attempts + 1 if is_open else request.attempts
        change = StateChange(
            state=ending.state,
            reason=ending.reason,
            attempts=attempts,
            next_attempt_at_ms=now_ms + self._delay_ms(attempts),
            settled_at_ms=None if is_open else now_ms,
        )
        # one receipt says that a holder does not answer, however often it is asked
        is_logged = ending.outcome is not None and not (is_open and request.state is RequestState.HOLDER_AWAY)

        def work(transaction: RecordsTransaction) -> None:
            if not self._parts.store.change(transaction, request.request_id, change):
                self._parts.store.drop_parts(transaction, request.request_id)  # forgotten meanwhile
                return
            if ending.state is not RequestState.VERIFIED or ending.parts[0][0] == HEAD:
                self._parts.store.drop_parts(transaction, request.request_id)
            if ending.parts:
                self._parts.store.keep_parts(transaction, request.request_id, ending.parts)
            if is_logged and ending.outcome is not None:
                self._log(transaction, request, order, ending.outcome, ending)

        self._submit(work)
        RETRIEVALS.labels(ending.state.value).inc()
        self._parts.staged(self._parts.origins[request.institution])
        self._parts.changed(request.institution, request.retrieval_id)

    def _log(
        self,
        transaction: RecordsTransaction,
        request: RetrievalRequest,
        order: SealedOrder,
        outcome: AccessOutcome,
        ending: _Ending,
    ) -> None:
        body = self._parts.keys.open(ORDER_SEAL, order.body)
        asked, basis = parse_request(body), ending.basis
        shown = asked.consents[0].consent if asked.consents else None
        content = AccessContent(
            request_id=request.request_id,
            side=AccessSide.REQUESTER,
            counterpart=request.target.holder,
            actor=asked.actor,
            purpose=asked.purpose,
            outcome=outcome,
            reason=ending.reason,
            consent_id=basis.consent if outcome is AccessOutcome.DISCLOSED else shown,
            consent_block=basis.stamp,
            emergency_id=None if asked.emergency is None else asked.emergency.emergency_id,
            subjects=(request.target.reference,),
            occurred_at_ms=unix_ms(self._parts.clock),
            encounter=asked.encounter,
        )
        patient = parse_patient_keys(self._parts.keys.open(ORDER_SEAL, order.patient))
        self._parts.composer.stage(transaction, request.institution, [receipt_entry(ReceiptDraft(content, patient, body))])

    def _delay_ms(self, attempts: int) -> int:
        delay_ms = min(_FIRST_DELAY_MS * 2 ** min(max(attempts - 1, 0), 30), _MAX_DELAY_MS)
        return int(delay_ms * self._jitter(_JITTER, 1.0))


def _link(request: RetrievalRequest) -> _Link:
    return request.institution, request.target.holder


def _refused(error: MemberRefusedError) -> _Ending:
    if error.problem == _DENIED:
        return _Ending(RequestState.DENIED, AccessOutcome.DENIED, error.reason)
    if error.status in _LATER:
        return _Ending(RequestState.HOLDER_AWAY, AccessOutcome.UNANSWERED, error.problem)
    # neither denied nor answered: the holder found fault with the request itself, and has logged nothing
    return _Ending(RequestState.REJECTED, AccessOutcome.UNANSWERED, error.problem)


def _check_target(request: RetrievalRequest, head: VerifiedHead) -> None:
    """Check that a verified entry is the one that was asked for, and the patient's."""
    target = request.target
    if head.manifest.origin != target.reference.origin or hash_leaf(head.evidence.leaf) != target.reference.leaf_hash:
        raise ForeignDisclosureError("its log or its leaf")
    if target.tag and head.leaf.tag != target.tag:
        raise ForeignDisclosureError("its tag is not this patient's")
    if head.manifest.version != target.version:
        raise OutdatedDisclosureError(head.manifest.version, target.version)
