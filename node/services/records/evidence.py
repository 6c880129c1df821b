"""Evidence out: what proves a record, or chosen parts of it, to a stranger; and the same verification for whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from ledger.checkpoints import parse_checkpoint
from ledger.hashing import LeafIndex, TreeSize
from ledger.notes import parse_note
from ledger.proofs import TlogProof, encode_tlog_proof, prove_consistency, prove_inclusion
from node.domain.entry import InstitutionId, LeafReference, RecordId, Version
from node.domain.trust import TrustRoot
from node.domain.verdict import Verdict
from node.errors import NotYetLoggedError, RecordErasedError, RecordLockedError, SettingsError, UnknownRecordError
from node.policy.decision import Denial, DenialReason, Permit, permit_own
from node.policy.facts import RecordState
from node.ports.clock import Clock
from node.ports.custody.withdrawals import WithdrawalStore
from node.ports.logs.trust import CosignedStore
from node.ports.records.transaction import AnchorRow, EntryRow, RecordsReader
from node.services.disclosure import DisclosureService
from node.wire.commitment import DisclosedPart, disclose_parts
from node.wire.evidence.file import Evidence, OpenedPart, StatedAnchor, encode_evidence, parse_evidence
from node.wire.evidence.verification import verify_evidence

_ANCHOR_CONTRACT = "log_anchors"


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """An own entry, and the proof that it is logged."""

    entry: EntryRow
    """The entry."""
    proof: bytes
    """C2SP tlog-proof."""
    anchor: StatedAnchor | None
    """The anchor that it leads to."""


class EvidenceService:
    """Exports and verifies evidence."""

    def __init__(
        self,
        *,
        reader: RecordsReader,
        disclosure: DisclosureService,
        trust_root: Callable[[], TrustRoot | None],
        clock: Clock,
        cosigned: CosignedStore,
        locks: WithdrawalStore,
    ) -> None:
        self._reader = reader
        self._disclosure = disclosure
        self._cosigned = cosigned
        self._locks = locks
        self._trust_root = trust_root
        self._clock = clock

    def export(
        self,
        institution: InstitutionId,
        record_id: RecordId,
        *,
        version: Version | None,
        parts: Collection[int] | None,
    ) -> bytes:
        """Export evidence of a record's version.

        Args:
            institution: Whose record it has to be.
            record_id: The record.
            version: Its version; None for the latest.
            parts: Numbers of the parts to disclose, the manifest always being; None for all.

        Returns:
            The evidence file.

        Raises:
            UnknownRecordError: The institution has no such record or version.
            RecordErasedError: It was erased.
            RecordLockedError: The patient withdrew: nothing is done with it but keeping it.
            NotYetLoggedError: No signed checkpoint covers it yet.
            UnknownPartError: It has no such part.
        """
        entry = self._entry(institution, record_id, version)
        decision = permit_own(institution, entry.institution, LeafReference(entry.origin, entry.leaf_hash), self._state_of(entry))
        if isinstance(decision, Denial):
            raise RecordLockedError(record_id) if decision.reason is DenialReason.RECORD_LOCKED else UnknownRecordError(record_id)
        return encode_evidence(self.disclose(self.prove(entry), decision, parts))

    def export_act(self, entry: EntryRow, parts: Collection[int] | None) -> bytes:
        """Export evidence of an own entry that is no record's, such as a decision; for the institution itself.

        Args:
            entry: The entry.
            parts: Numbers of the parts to disclose, the manifest always being; None for all.

        Raises:
            UnknownRecordError: It is a record's.
            NotYetLoggedError: No signed checkpoint covers it yet.
            RecordErasedError: It was erased.
        """
        reference = LeafReference(entry.origin, entry.leaf_hash)
        decision = permit_own(entry.institution, entry.institution, reference, RecordState.AVAILABLE)
        if entry.record_id is not None or isinstance(decision, Denial):
            raise UnknownRecordError(entry.record_id or "")
        return encode_evidence(self.disclose(self.prove(entry), decision, parts))

    def prove(self, entry: EntryRow) -> ProvenEntry:
        """Prove that an own entry is in its log; nothing of what it says is read.

        Raises:
            NotYetLoggedError: No signed checkpoint covers it yet.
        """
        checkpoint, anchor = self._checkpoint(entry)
        size = parse_checkpoint(parse_note(checkpoint).text).size
        index = LeafIndex(entry.leaf_index)
        path = prove_inclusion(self._reader.hashes(entry.origin, size), index, size)
        proof = encode_tlog_proof(TlogProof(index=index, path=path, checkpoint=checkpoint, extra=None))
        return ProvenEntry(entry, proof, None if anchor is None else self._state(anchor, size))

    def disclose(self, proven: ProvenEntry, permit: Permit, parts: Collection[int] | None) -> Evidence:
        """Open an entry for a permit, and prove the parts that are disclosed.

        Args:
            proven: The entry.
            permit: To read it.
            parts: Numbers of the parts, the manifest always being; None for all.

        Raises:
            ForeignPermitError: The permit is for something else.
            RecordErasedError: It was erased.
            UnknownPartError: It has no such part.
        """
        opened = self._disclosure.open(proven.entry, permit)
        chosen = range(len(opened.parts)) if parts is None else {0, *parts}
        manifest, *disclosed = map(_opened, disclose_parts(opened.secret, opened.parts, chosen))
        return Evidence(proven.entry.leaf, manifest, tuple(disclosed), proven.proof, proven.anchor)

    def verify(self, data: bytes) -> Verdict:
        """Verify an evidence file against this node's trust root.

        Raises:
            WireError: It is no evidence file.
            EvidenceRefutedError: What it claims is not so.
            SettingsError: This node has no trust root.
        """
        return verify_evidence(parse_evidence(data), self._root(), now=self._clock.now())

    def _state_of(self, entry: EntryRow) -> RecordState:
        return (
            RecordState.LOCKED if entry.record_id is not None and self._locks.locked([entry.record_id]) else RecordState.AVAILABLE
        )

    def _entry(self, institution: InstitutionId, record_id: RecordId, version: Version | None) -> EntryRow:
        record = self._reader.record(record_id)
        if record is None or record.institution != institution:
            raise UnknownRecordError(record_id)
        if record.erased_at_ms is not None:
            raise RecordErasedError(record_id)
        entries = [entry for entry in record.entries if version in (None, entry.version)]
        if not entries:
            raise UnknownRecordError(record_id)
        return entries[-1]

    def _checkpoint(self, entry: EntryRow) -> tuple[bytes, AnchorRow | None]:
        """Return the checkpoint to prove inclusion in, and the anchor that it leads to.

        Best is one that a quorum has cosigned and that an anchor covers, then the anchored one, then a cosigned one that
        no anchor covers yet, then the newest.
        """
        newest = self._reader.log(entry.origin).checkpoint()
        size = TreeSize(0) if newest is None else parse_checkpoint(parse_note(newest).text).size
        if newest is None or entry.leaf_index >= size:
            # a restored node is behind its witnesses and the chain: what they hold at this place is another entry
            raise NotYetLoggedError(entry.record_id or "")
        anchor = self._reader.latest_anchor(entry.origin)
        if anchor is not None and entry.leaf_index < anchor.size:
            cosigned = self._cosigned.cosigned(entry.origin, entry.leaf_index, anchor.size)
            note = self._reader.checkpoint(entry.origin, anchor.size) if cosigned is None else cosigned.note
            if note is not None:
                return note, anchor
        cosigned = self._cosigned.cosigned(entry.origin, entry.leaf_index, size)
        return (newest if cosigned is None else cosigned.note), None

    def _state(self, anchor: AnchorRow, size: TreeSize) -> StatedAnchor:
        chain = self._root().chain
        anchored = TreeSize(anchor.size)
        return StatedAnchor(
            chain_id=chain.chain_id,
            contract=chain.contracts[_ANCHOR_CONTRACT].address,
            size=anchored,
            root=anchor.root,
            consistency=prove_consistency(self._reader.hashes(anchor.origin, anchored), size, anchored),
            block_number=anchor.block_number,
            block_hash=anchor.block_hash,
            timestamp_s=anchor.timestamp_s,
        )

    def _root(self) -> TrustRoot:
        root = self._trust_root()
        if root is None:
            raise SettingsError("this node has no trust root; put the consortium's into its directory")
        return root


def _opened(part: DisclosedPart) -> OpenedPart:
    return OpenedPart(part.number, part.full_url, part.salt, part.proof, part.content)
