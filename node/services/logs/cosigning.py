"""Let other institutions' witnesses cosign this node's checkpoints, and keep what they sign.

A loop of the worker role. The newest checkpoint of each log goes to every witness that has not cosigned it; a witness that is
away is asked again later, by itself. When witnesses of a quorum of distinct other institutions have cosigned, the entries
are `witnessed`. Without a quorum that flag comes later, and the status says so; nothing waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from ledger.checkpoints import Checkpoint, parse_checkpoint
from ledger.cosignatures import verify_cosignatures
from ledger.errors import LedgerError
from ledger.hashing import TreeSize
from ledger.notes import NoteSignature, SignedNote, add_signatures, encode_note, parse_note
from ledger.proofs import prove_consistency
from node.domain.entry import InstitutionId, Origin
from node.domain.institution import HostedInstitution
from node.domain.trust import TrustedWitness
from node.errors import ConcordError, WitnessAheadError, WitnessContradictsError
from node.ports.clock import Clock
from node.ports.logs.trust import CosignedCheckpoint, CosignedStore
from node.ports.records.transaction import RecordsReader
from node.services.logs.progress import Progress
from node.services.logs.witness_exchange import WitnessExchange
from node.telemetry import WITNESSED_SIZE

_ASKED_AT_ONCE: Final = 8
_FIRST_RETRY_S: Final = 2.0
_MAX_RETRY_S: Final = 120.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Delay:
    """When to ask a witness that failed again."""

    failures: int = 0
    until: datetime | None = None
    reason: str | None = None


@dataclass(slots=True)
class _OwnLog:
    """The checkpoint of one log that is being cosigned."""

    hosted: HostedInstitution
    witnesses: Sequence[TrustedWitness]
    """Those of other institutions."""
    note: SignedNote | None = None
    checkpoint: Checkpoint | None = None
    signed: set[InstitutionId] = field(default_factory=set)
    delays: dict[InstitutionId, _Delay] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WitnessStanding:
    """How a log stands with its witnesses."""

    witnessed: int
    """Size up to which a quorum has cosigned."""
    quorum: int
    """Other institutions that are needed; 0 while the trust root sets none."""
    missing: Mapping[InstitutionId, str]
    """Institutions whose witnesses do not cosign now, and why."""


class CosigningService:
    """Asks witnesses; `step` is the loop's."""

    def __init__(  # noqa: PLR0913 - a use case names its collaborators
        self,
        *,
        hosted: Sequence[HostedInstitution],
        witnesses: Sequence[TrustedWitness],
        quorum: int,
        exchange: WitnessExchange,
        reader: RecordsReader,
        store: CosignedStore,
        progress: Progress,
        clock: Clock,
    ) -> None:
        self._quorum = quorum
        self._exchange = exchange
        self._reader = reader
        self._store = store
        self._progress = progress
        self._clock = clock
        self._logs = {
            each.origin: _OwnLog(each, [one for one in witnesses if one.institution != each.institution]) for each in hosted
        }
        for origin in self._logs:
            kept = store.cosigned(origin, 0)
            if kept is not None:
                self._tell(origin, kept.size)

    def standing(self, origin: Origin) -> WitnessStanding:
        """Return how a log stands with its witnesses."""
        missing = {name: delay.reason for name, delay in self._logs[origin].delays.items() if delay.reason is not None}
        return WitnessStanding(self._progress.witnessed_size(origin), self._quorum, missing)

    def step(self) -> None:
        """Ask for the cosignatures that are missing on the newest checkpoints."""
        with ThreadPoolExecutor(_ASKED_AT_ONCE, thread_name_prefix="cosigning") as pool:
            for own in self._logs.values():
                self._cosign(own, pool)

    def _cosign(self, own: _OwnLog, pool: ThreadPoolExecutor) -> None:
        origin, now = own.hosted.origin, self._clock.now()
        published = self._reader.log(origin).checkpoint()
        if published is None:
            return
        self._take(own, published)
        note, checkpoint = own.note, own.checkpoint
        if note is None or checkpoint is None:
            return
        asked = [each for each in own.witnesses if each.institution not in own.signed and _is_due(own, each, now)]
        if not asked:
            return
        answers = list(pool.map(lambda each: self._ask(each, checkpoint, published), asked))
        for witness, answer in zip(asked, answers, strict=True):
            self._note_answer(own, witness, answer, now)
        fresh = [answer for answer in answers if isinstance(answer, NoteSignature)]
        if fresh:
            own.note = add_signatures(note, *fresh)
            self._keep(own, own.note, checkpoint)

    def _take(self, own: _OwnLog, published: bytes) -> None:
        """Turn to the newest checkpoint, with the cosignatures that were kept of it."""
        note = parse_note(published)
        checkpoint = parse_checkpoint(note.text)
        if own.checkpoint == checkpoint:
            return
        kept = self._store.cosigned_at(own.hosted.origin, checkpoint.size)
        if kept is not None and parse_note(kept.note).text == note.text:
            note = parse_note(kept.note)
        own.note, own.checkpoint = note, checkpoint
        times = verify_cosignatures(note, [each.key for each in own.witnesses])
        own.signed = {each.institution for each in own.witnesses if each.key in times}

    def _ask(self, witness: TrustedWitness, checkpoint: Checkpoint, note: bytes) -> NoteSignature | Exception:
        def prove(old: TreeSize, new: TreeSize) -> Sequence[bytes]:
            return prove_consistency(self._reader.hashes(Origin(checkpoint.origin), new), old, new)

        try:
            return self._exchange.cosign(witness, checkpoint, note, prove)  # type: ignore[arg-type]  # hashes are bytes
        except (ConcordError, LedgerError) as error:
            return error

    def _note_answer(self, own: _OwnLog, witness: TrustedWitness, answer: NoteSignature | Exception, now: datetime) -> None:
        delay = own.delays.setdefault(witness.institution, _Delay())
        if isinstance(answer, NoteSignature):
            own.signed.add(witness.institution)
            own.delays[witness.institution] = _Delay()
            return
        if str(answer) != delay.reason:
            alarm = isinstance(answer, WitnessAheadError | WitnessContradictsError)
            tell = log.critical if alarm else log.warning
            tell("not_cosigned", origin=own.hosted.origin, witness=witness.institution, reason=str(answer))
        delay.failures += 1
        delay.reason = str(answer)
        wait_s = min(_FIRST_RETRY_S * 2 ** min(delay.failures - 1, 16), _MAX_RETRY_S)
        delay.until = now + timedelta(seconds=wait_s)

    def _keep(self, own: _OwnLog, note: SignedNote, checkpoint: Checkpoint) -> None:
        origin = own.hosted.origin
        quorum = 0 < self._quorum <= len(own.signed)
        self._store.keep_cosigned(CosignedCheckpoint(origin, checkpoint.size, encode_note(note), quorum))
        if quorum:
            self._tell(origin, checkpoint.size)

    def _tell(self, origin: Origin, size: int) -> None:
        self._progress.witnessed(origin, size)
        WITNESSED_SIZE.labels(origin).set(size)


def _is_due(own: _OwnLog, witness: TrustedWitness, now: datetime) -> bool:
    until = own.delays.get(witness.institution, _Delay()).until
    return until is None or until <= now
