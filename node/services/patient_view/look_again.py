"""Read logs again, as far as a check says that they had been read, and find all of the patient (docs/spec/look-again.md).

Each log is read up to that size, every leaf proven under a signed head which is of the history that the certificate shows. The
tags of the patient's epoch keys are looked for among all of them, so that no node learns what is looked for; only for what
was found, headers are asked for by tag. Nothing is believed: `verify_look` judges the file that is made.

Left out: transport (`LookGateway`), what is made of what was found (`node.wire.certificate.accounts`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from ledger.checkpoints import Checkpoint
from ledger.errors import LedgerError, VerificationError
from ledger.hashing import HashReader, NodeHash, TreeSize
from ledger.mirror import VerifiedTiles
from ledger.ports import LogReader
from ledger.proofs import prove_consistency
from ledger.tiles import TileHashReader
from node.domain.entry import Origin
from node.domain.trust import TrustRoot
from node.errors import ConcordError, EvidenceRefutedError, ForeignKeysError, LookRefutedError
from node.services.patient_view.completeness import DEFAULT_WINDOW, LogScan, ScannedSeries, prove_entries, scan_log
from node.wire.certificate.file import DecisionCertificate, parse_certificate
from node.wire.certificate.look_file import LookAgain, LookedEntry, LookedLog
from node.wire.certificate.look_verification import heads_of, read_sizes, verify_history
from node.wire.certificate.verification import OpenedCertificate, open_certificate
from node.wire.evidence.completeness import SeriesEntry, SeriesKey
from node.wire.header.seal import HeaderPlace, open_header_reader, verify_header_digest
from node.wire.leaf import parse_leaf
from node.wire.locator import ORDINARY, TagMaker
from node.wire.patient.entries import MAX_TAGS, AnsweredLog, TagsByLog
from node.wire.trust_root import verify_trust_root
from node.wire.trusted_head import TrustedHead, open_trusted_head

_NUMBERS: Final = 65_536
"""Numbers under a key among which a result of the certificate is looked for, before anything is asked of anybody."""


class LookGateway(Protocol):
    """Reaches the node that serves a log."""

    def open_log(self, origin: Origin) -> AbstractContextManager[LogReader]:
        """Open a log.

        Raises:
            ConcordError, ConnectionError: It cannot be reached.
        """

    def entries(self, origin: Origin, tags: TagsByLog) -> Mapping[Origin, AnsweredLog]:
        """Return what the node has under these tags; raises as `open_log`."""


@dataclass(frozen=True, slots=True)
class LookTrouble:
    """What stood in the way of looking through a log."""

    origin: Origin
    """The log."""
    reason: str
    """`missing`, `repeated`, `disordered` or `unknown`: the log's own numbers are not in order; else what happened."""
    is_of_the_log: bool
    """Whether the log itself is not in order or of another history, and not merely out of reach."""


@dataclass(frozen=True, slots=True)
class Look:
    """What came of it."""

    file: LookAgain
    """What was found, to be verified."""
    troubles: tuple[LookTrouble, ...]
    """Logs of which not all is in the file."""


@dataclass(frozen=True, slots=True)
class LookOrder:
    """What is to be looked through, and with what."""

    certificate: bytes
    """The decision certificate."""
    epoch_keys: Mapping[int, bytes]
    """The patient's, all that there are."""
    maps: tuple[bytes, ...]
    """Maps of institutions that the decision does not pin."""
    window: int = DEFAULT_WINDOW
    """Counters to look for beyond the last hit."""


def look_again(
    order: LookOrder,
    trust_root: TrustRoot,
    gateway: LookGateway,
    now: datetime,
    advance: Callable[[int], object] = lambda _: None,
) -> Look:
    """Look through all logs that had been read for the check of a certificate, as far as they had been read.

    A log that is not reached, or does not hold, is told as trouble; the others are looked through.

    Args:
        order: What, and with what.
        trust_root: The consortium's.
        gateway: Reaches the nodes.
        now: The time, aware.
        advance: Told how many leaves were read since the last call.

    Raises:
        WireError, EvidenceRefutedError, TrustRootExpiredError: The certificate does not hold.
        LookRefutedError: Its check commits to nothing.
        ForeignKeysError: None of its results is the patient's; nobody was asked anything.
    """
    verify_trust_root(trust_root, now)
    certificate = parse_certificate(order.certificate)
    opened = open_certificate(certificate, trust_root, now=now)
    sizes = read_sizes(opened)
    check_keys(certificate, opened, order.epoch_keys)
    keys = [SeriesKey(ORDINARY, epoch, None, key) for epoch, key in sorted(order.epoch_keys.items())]
    shown = heads_of(certificate, trust_root)
    logs: list[LookedLog] = []
    troubles: list[LookTrouble] = []
    for origin, size in sizes.items():
        if not size:
            continue  # nothing stood there
        looking = LogLook(origin, TreeSize(size), keys, shown.get(origin), order.window, advance)
        try:
            log, found = looking.through(gateway, trust_root)
            logs.append(log)
            troubles += found
        except (ConcordError, LedgerError, ConnectionError) as error:
            troubles.append(LookTrouble(origin, str(error), isinstance(error, EvidenceRefutedError | VerificationError)))
    made_at_ms = int(now.timestamp() * 1000)
    file = LookAgain(made_at_ms, order.window, order.certificate, order.epoch_keys, tuple(logs), order.maps)
    return Look(file, tuple(troubles))


def check_keys(certificate: DecisionCertificate, opened: OpenedCertificate, epoch_keys: Mapping[int, bytes]) -> None:
    """Check, asking nobody, that keys find a result of a certificate; one that shows no result says nothing of whose they are.

    Raises:
        ForeignKeysError: They find none.
    """
    if not epoch_keys:
        raise ForeignKeysError
    wanted: dict[Origin, set[bytes]] = {}
    last: dict[Origin, int] = {}
    for result, at in zip(opened.read.results, certificate.results, strict=True):
        origin, line = result.entry.proved.origin, certificate.lines[at]
        wanted.setdefault(origin, set()).add(parse_leaf(line.leaf).tag)
        last[origin] = max(line.index, last.get(origin, 0))
    for key in epoch_keys.values():
        maker = TagMaker(key)
        for origin, tags in wanted.items():
            # a log keeps the order of numbers: none is larger than its place
            if any(maker.tag(origin, ORDINARY, counter) in tags for counter in range(min(last[origin] + 1, _NUMBERS))):
                return
    if wanted:
        raise ForeignKeysError


@dataclass(frozen=True, slots=True)
class LogLook:
    """One log, and what is looked for in it."""

    origin: Origin
    """The log."""
    read_size: TreeSize
    """How far it had been read: what lies below is read again."""
    keys: Sequence[SeriesKey]
    """The patient's, of class 0."""
    shown: TrustedHead | None
    """The certificate's head of it; None where it has none."""
    window: int
    """Counters to look for beyond the last hit of each key."""
    advance: Callable[[int], object] = lambda _: None
    """Told how many leaves were read since the last call."""

    def through(self, gateway: LookGateway, trust_root: TrustRoot) -> tuple[LookedLog, list[LookTrouble]]:
        """Return what was found, and what is not in order with it."""
        with gateway.open_log(self.origin) as reader:
            note, head = self._head(reader, trust_root)
            checkpoint = head.checkpoint
            hashes = TileHashReader(VerifiedTiles(reader, checkpoint), checkpoint.size)
            consistency = self._consistency(reader, checkpoint, hashes)
            verify_history(consistency, head, self.shown)
            scan = scan_log(reader, checkpoint, self.keys, size=self.read_size, window=self.window, advance=self.advance)
            found = [
                (series.key, entry)
                for series in scan.series
                for entry in prove_entries(reader, checkpoint, hashes, _contiguous(series))
            ]
        troubles = [LookTrouble(self.origin, each, is_of_the_log=True) for each in _disorder(scan)]
        headers: dict[int, bytes] = {}
        try:
            headers.update(self._headers(gateway, found))
        except (ConcordError, ConnectionError) as error:
            # what it holds is proved all the same; what these entries say is not shown then
            troubles.append(LookTrouble(self.origin, str(error), is_of_the_log=False))
        entries = (LookedEntry(key.epoch or 0, each.index, each.leaf, each.proof, headers.get(each.index)) for key, each in found)
        return LookedLog(note, consistency, tuple(entries)), troubles

    def _head(self, reader: LogReader, trust_root: TrustRoot) -> tuple[bytes, TrustedHead]:
        note = reader.checkpoint()
        if note is None:
            # a copy that is elsewhere, or older, says nothing against the log
            raise ConnectionError("it shows no head, though it had been read")
        head = open_trusted_head(note, trust_root)
        if head.log.origin != self.origin:
            raise LookRefutedError(f"the head of {head.log.origin!r} is served in its place", self.origin)
        if head.checkpoint.size < self.read_size:
            raise ConnectionError(
                f"it shows {head.checkpoint.size} entries, and {self.read_size} had been read: it is served as of an earlier time"
            )
        return note, head

    def _consistency(self, reader: LogReader, checkpoint: Checkpoint, hashes: HashReader) -> tuple[NodeHash, ...]:
        """Prove that the served head and the certificate's are of one history, as far as the tiles prove it."""
        if self.shown is None:
            return ()
        shown = self.shown.checkpoint
        if shown.size <= checkpoint.size:
            return prove_consistency(hashes, shown.size, checkpoint.size)
        # an earlier head is served than the certificate has: the tiles between are the log's all the same
        later = TileHashReader(VerifiedTiles(reader, shown), shown.size)
        return prove_consistency(later, checkpoint.size, shown.size)

    def _headers(self, gateway: LookGateway, found: Sequence[tuple[SeriesKey, SeriesEntry]]) -> Iterator[tuple[int, bytes]]:
        """Ask for the headers of what was found; one that does not hold is as if it were not handed out."""
        for first in range(0, len(found), MAX_TAGS):
            page = {parse_leaf(entry.leaf).tag: (key, entry) for key, entry in found[first : first + MAX_TAGS]}
            answer = gateway.entries(self.origin, {self.origin: list(page)}).get(self.origin)
            for answered in () if answer is None else answer.entries:
                wanted, header = page.get(parse_leaf(answered.leaf).tag), answered.header
                if wanted is not None and header is not None and _opens(header, self.origin, wanted[1].leaf, wanted[0].key):
                    yield wanted[1].index, header


def _disorder(scan: LogScan) -> list[str]:
    """Return in what the log's own numbers are not in order."""
    found = [each for each in ("missing", "repeated", "disordered") if any(getattr(one, each) for one in scan.series)]
    return [*found, *(["unknown"] if scan.unknown_leaves else [])]


def _contiguous(series: ScannedSeries) -> list[int]:
    """Return the places of the numbers from 0 on up to the first that is missing or out of order: there a probe ends."""
    places: list[int] = []
    for counter in range(len(series.places)):
        at = series.places.get(counter)
        if at is None or (places and at <= places[-1]):
            break
        places.append(at)
    return places


def _opens(header: bytes, origin: Origin, leaf_bytes: bytes, key: bytes) -> bool:
    leaf = parse_leaf(leaf_bytes)
    try:
        verify_header_digest(header, leaf.header_digest)
        open_header_reader(header, HeaderPlace(origin, leaf.entry_type, leaf.tag), key)
    except ConcordError:
        return False
    return True
