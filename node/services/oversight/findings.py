"""What supervision found, for whoever may read it, and the file that shows a finding to strangers."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.hashing import LeafIndex
from node.domain.entry import Origin
from node.errors import HeaderVerificationError, InputError, UnknownFindingError
from node.ports.logs.index import FollowedEntry, FollowedIndex, LeafPlace
from node.ports.logs.trust import TrustStore
from node.ports.supervision.findings import FindingFilter, KeptFinding, SupervisionStore
from node.services.logs.followed_proofs import FollowedProofs, ProvedEntry
from node.services.oversight.audit_keys import AuditKeys
from node.supervision.findings import EntryPlace, FindingCode, FindingId
from node.wire.evidence.bundle import BundleLine, is_public
from node.wire.evidence.finding_evidence import FindingEvidence, encode_finding


class FindingService:
    """Lists findings and exports what shows them."""

    def __init__(
        self, store: SupervisionStore, index: FollowedIndex, trust: TrustStore, proofs: FollowedProofs, keys: AuditKeys
    ) -> None:
        self._store = store
        self._index = index
        self._trust = trust
        self._proofs = proofs
        self._keys = keys

    def page(self, wanted: FindingFilter, before: tuple[int, FindingId] | None, limit: int) -> list[KeptFinding]:
        """Return findings, newest first."""
        return self._store.findings(wanted, before, limit)

    def evidence(self, finding_id: FindingId) -> bytes:
        """Export what shows a finding: its entries, proved and opened; of a frozen log, the proof against it.

        Raises:
            UnknownFindingError: There is no such finding, or what showed it is not kept here any more.
            NotYetLoggedError: No trusted head covers one of its entries.
        """
        kept = self._store.finding(finding_id)
        if kept is None:
            raise UnknownFindingError(finding_id)
        finding = kept.finding
        if finding.code is FindingCode.LOG_FROZEN:
            against = self._trust.evidence(Origin(finding.subject))
            if against is None:
                raise UnknownFindingError(finding_id)
            return against
        proved = self._proofs.prove(self._entries(finding_id, finding.entries))
        heads = list(dict.fromkeys(each.note for each in proved))
        return encode_finding(
            FindingEvidence(
                code=finding.code.value,
                institutions=finding.institutions,
                subject=finding.subject,
                values=finding.values,
                raised_at_ms=kept.raised_at_ms,
                heads=tuple(heads),
                lines=tuple(self._line(each, heads) for each in proved),
            )
        )

    def _entries(self, finding_id: FindingId, places: Sequence[EntryPlace]) -> list[FollowedEntry]:
        wanted = [LeafPlace(place.origin, LeafIndex(place.leaf_index)) for place in places]
        found = self._index.entries(wanted)
        if len(found) < len(set(wanted)):
            raise UnknownFindingError(finding_id)
        return [found[place] for place in dict.fromkeys(wanted)]

    def _line(self, proved: ProvedEntry, heads: Sequence[bytes]) -> BundleLine:
        entry = proved.entry
        data_key = None
        if entry.header is not None and not is_public(entry.leaf):
            try:
                data_key = self._keys.data_key(entry.header)
            except (InputError, HeaderVerificationError):
                data_key = None  # that it does not open may be what was found
        return BundleLine(
            head=heads.index(proved.note),
            index=entry.place.index,
            leaf=entry.leaf,
            proof=proved.path,
            header=entry.header if data_key is not None or is_public(entry.leaf) else None,
            data_key=data_key,
            evidence=None,
        )
