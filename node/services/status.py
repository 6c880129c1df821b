"""How the node does: each log's sizes, whether it signs, whether the chain answers. Uncertain states are shown as such."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from node.domain.entry import InstitutionId, Origin
from node.domain.institution import HostedInstitution
from node.ports.records.transaction import RecordsReader, RecordsWriter
from node.services.catalogue.adoption import AdoptionStatus
from node.services.logs.chain_watch import ChainReport, ChainWatch, show_time
from node.services.logs.cosigning import CosigningService
from node.services.logs.following import FollowingService
from node.services.logs.progress import Progress
from node.services.logs.sequencing import HostedLog
from node.services.members.own_keys import OwnKeys
from node.services.records.sent_notices import RevisionNotices
from node.telemetry import WITHHELD_HEADERS, WRITER_QUEUE, render_metrics

MAX_QUEUE = 10_000
"""A writer with more waiting than this is not ready: answers would take seconds."""


class AnchorReport(msgspec.Struct, frozen=True):
    """The largest head that the chain accepted."""

    size: int
    root: str
    block_number: int
    anchored_at_s: int


class LogReport(msgspec.Struct, frozen=True):
    """One institution's log."""

    institution: str
    name: str
    origin: str
    staged: int
    logged: int
    anchored: int
    state: str
    reason: str | None
    anchor: AnchorReport | None
    anchor_refused: str | None
    witnessed: int
    """Size up to which a quorum of other institutions has cosigned."""
    witness_quorum: int
    witnesses_missing: dict[str, str]
    """Institutions whose witnesses do not cosign now, and why."""
    notices_unacknowledged: int
    """Notices of amendments, withdrawals and recalls that nobody at the recipient has acknowledged."""
    notices_overdue: int
    """Those of them that have waited for too long."""
    exchange_key: str | None
    """What the registry says of the exchange key that is used here: `registered`, `differs`, `unregistered`, `unknown`; None
    without a consortium."""


class FollowedReport(msgspec.Struct, frozen=True):
    """A log that this node follows."""

    origin: str
    institution: str
    state: str
    reason: str | None
    trusted_size: int
    indexed: int
    withheld_headers: int
    looked_at: str | None


class DocumentsReport(msgspec.Struct, frozen=True):
    """Which catalogue, maps, prices and certificates hold."""

    source: str
    """`folder`, `published` or `sample`."""
    stale: bool
    """Whether what holds was published and no longer counts, and nothing is there in its place."""
    missing: list[str]
    """Shared kinds of which nothing that counts is published."""
    held_back: list[str]
    """Newest published documents that do not hold."""
    contradictions: list[str]
    """Why not: what they contradict, the first ones."""


class StatusReport(msgspec.Struct, frozen=True):
    """The node."""

    version: str
    ready: bool
    reasons: list[str]
    logs: list[LogReport]
    followed: list[FollowedReport]
    chain: ChainReport
    writer_queue: int
    trust_root_serial: int | None
    trust_root_expires: str | None
    documents: DocumentsReport | None
    """None without a consortium."""


class StatusService:
    """Reports."""

    def __init__(  # noqa: PLR0913 - it reports on all of these
        self,
        *,
        version: str,
        institutions: Mapping[InstitutionId, HostedInstitution],
        logs: Mapping[Origin, HostedLog],
        progress: Progress,
        reader: RecordsReader,
        writer: RecordsWriter,
        chain: ChainWatch,
        following: FollowingService,
        cosigning: CosigningService,
        notices: RevisionNotices,
        trust_root: Callable[[], tuple[int, datetime] | None],
    ) -> None:
        self._version = version
        self._institutions = institutions
        self._logs = logs
        self._progress = progress
        self._reader = reader
        self._writer = writer
        self._chain = chain
        self._following = following
        self._cosigning = cosigning
        self._notices = notices
        self._trust_root = trust_root
        self._documents: Callable[[], AdoptionStatus] | None = None
        self._own_keys: OwnKeys | None = None

    def on_documents(self, documents: Callable[[], AdoptionStatus]) -> None:
        """Report on the catalogue's documents too."""
        self._documents = documents

    def on_keys(self, own_keys: OwnKeys) -> None:
        """Report on the institutions' exchange keys too."""
        self._own_keys = own_keys

    def not_ready(self) -> list[str]:
        """Return why submissions would not be stored now; empty when they would."""
        depth = self._writer.depth()
        return [f"{depth} items wait for the writer"] if depth > MAX_QUEUE else []

    def metrics(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        WRITER_QUEUE.set(self._writer.depth())
        WITHHELD_HEADERS.set(sum(self._following.withheld().values()))
        return render_metrics()

    def report(self) -> StatusReport:
        """Return the whole status."""
        reasons = self.not_ready()
        root = self._trust_root()
        return StatusReport(
            version=self._version,
            ready=not reasons,
            reasons=reasons,
            logs=[self._log(hosted) for hosted in self._institutions.values()],
            followed=self._followed(),
            chain=self._chain.report(),
            writer_queue=self._writer.depth(),
            trust_root_serial=None if root is None else root[0],
            trust_root_expires=None if root is None else show_time(root[1]),
            documents=None if self._documents is None else _report(self._documents()),
        )

    def _followed(self) -> list[FollowedReport]:
        withheld = self._following.withheld()
        return [
            FollowedReport(
                origin=each.origin,
                institution=each.institution,
                state=each.state,
                reason=each.reason,
                trusted_size=each.trusted_size,
                indexed=each.indexed,
                withheld_headers=withheld.get(each.origin, 0),
                looked_at=None if each.looked_at is None else show_time(each.looked_at),
            )
            for each in self._following.report()
        ]

    def _log(self, hosted: HostedInstitution) -> LogReport:
        state = self._logs[hosted.origin]
        logged, anchored = self._progress.sizes(hosted.origin)
        anchor = self._reader.latest_anchor(hosted.origin)
        standing = self._cosigning.standing(hosted.origin)
        waiting = self._notices.waiting(hosted.institution)
        return LogReport(
            institution=hosted.institution,
            name=hosted.name,
            origin=hosted.origin,
            staged=self._reader.entry_count(hosted.origin),
            logged=logged,
            anchored=anchored,
            state="halted" if state.halted else "signing" if state.opened else "waiting",
            reason=state.halted or state.waiting_for,
            anchor=None
            if anchor is None
            else AnchorReport(anchor.size, anchor.root.hex(), anchor.block_number, anchor.timestamp_s),
            anchor_refused=self._chain.refusal(hosted.origin),
            witnessed=standing.witnessed,
            witness_quorum=standing.quorum,
            witnesses_missing={str(name): reason for name, reason in standing.missing.items()},
            notices_unacknowledged=waiting.count,
            notices_overdue=waiting.overdue,
            exchange_key=None if self._own_keys is None else self._own_keys.standing(hosted.institution).value,
        )


def _report(status: AdoptionStatus) -> DocumentsReport:
    held_back = [f"{pin.kind} {pin.digest.hex()}" for pin in status.held_back]
    return DocumentsReport(status.source, status.is_stale, list(status.missing), held_back, list(status.contradictions))
