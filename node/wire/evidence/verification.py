"""Verification of evidence, offline: evidence and trust root in, a verdict or a named refutation out.

Implements FORMATS "Evidence", docs/spec/evidence.md, in its order of checks. No key is believed that the trust root does
not name. An anchor counts as checked only against a head that the caller read from the chain; what the evidence says
of it is otherwise stated, never verified. Left out: reading the chain; seals and state proofs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from ledger.checkpoints import Checkpoint
from ledger.errors import ConsistencyError, MalformedError
from ledger.hashing import NodeHash, RootHash, TreeSize
from ledger.proofs import parse_tlog_proof, verify_consistency
from node.domain.entry import EntryType
from node.domain.trust import TrustRoot
from node.domain.verdict import AnchoredHeadLike, AnchorStanding, AsOfBasis, ProvedPart, Verdict
from node.errors import (
    AnchorRefutedError,
    EvidenceTooOldError,
    ForeignManifestError,
    KindNotAllowedError,
    MalformedEvidenceError,
    ManifestMismatchError,
    MisplacedManifestError,
    OpeningRefutedError,
    PartNotCommittedError,
)
from node.wire.commitment import DisclosedPart, verify_parts
from node.wire.evidence.file import Evidence, OpenedPart, StatedAnchor
from node.wire.evidence.findings import Age, Facts, Opened, Signed, make_verdict, show_time, time_of
from node.wire.leaf import Leaf, parse_leaf
from node.wire.manifest import MANIFEST_MEDIA_TYPE, Manifest, parse_manifest
from node.wire.opening import check_manifest
from node.wire.recognition.decision_parts import verify_decision_parts
from node.wire.trust_root import verify_trust_root
from node.wire.trusted_head import Cosigned, open_trusted_head, verify_entry, verify_witnesses

ANCHOR_CONTRACT: Final = "log_anchors"
RECORD_TYPES: Final = frozenset({EntryType.RECORD, EntryType.AMENDMENT, EntryType.WITHDRAWAL})


def verify_evidence(
    evidence: Evidence,
    trust_root: TrustRoot,
    *,
    now: datetime,
    max_age: timedelta | None = None,
    anchor_head: AnchoredHeadLike | None = None,
) -> Verdict:
    """Verify evidence against a trust root.

    Args:
        evidence: Parsed evidence.
        trust_root: What the verifier believes.
        now: The time, aware.
        max_age: Refuse evidence that is not proved to be as recent as that.
        anchor_head: The log's head in the chain's state, read by the verifier at the trust root's finality, best at
            the block that the evidence states.

    Returns:
        What was proved and what was not.

    Raises:
        WireError: Something in it is unreadable.
        TrustRootExpiredError: The trust root's time is over.
        EvidenceRefutedError: It claims what is not so; the subclass says what.
    """
    verify_trust_root(trust_root, now)
    signed = _verify_log(evidence, trust_root)
    opened = _verify_record(evidence, signed, trust_root)
    cosigned = verify_witnesses(signed.head, trust_root)
    standing = _verify_anchor(evidence.anchor, signed.head.checkpoint, trust_root, anchor_head)
    age = _as_of(evidence, opened.leaf, cosigned, anchor_head if standing is AnchorStanding.CHECKED else None)
    _verify_age(age, now, max_age)
    return verify_decision_parts(make_verdict(Facts(evidence, trust_root, signed, opened, cosigned, standing, anchor_head, age)))


# The log


def _verify_log(evidence: Evidence, trust_root: TrustRoot) -> Signed:
    try:
        proof = parse_tlog_proof(evidence.proof)
    except MalformedError as error:
        raise MalformedEvidenceError(f"proof: {error}") from error
    head = open_trusted_head(proof.checkpoint, trust_root)
    verify_entry(head, proof.index, evidence.leaf, proof.path)
    return Signed(proof, head)


# The record


def _verify_record(evidence: Evidence, signed: Signed, trust_root: TrustRoot) -> Opened:
    leaf = parse_leaf(evidence.leaf)
    manifest = parse_manifest(evidence.manifest.content)
    for part in evidence.parts:
        if part.number >= manifest.count:
            raise OpeningRefutedError(part.number, f"the manifest lists parts up to {manifest.count - 1}")
    disclosed = [_disclosed(evidence.manifest, MANIFEST_MEDIA_TYPE)]
    disclosed += [_disclosed(part, manifest.parts[part.number - 1].media_type) for part in evidence.parts]
    try:
        verify_parts(leaf.commitment, manifest.count, disclosed)
    except PartNotCommittedError as error:
        raise OpeningRefutedError(error.number, error.reason) from error
    _verify_manifest(manifest, disclosed, leaf, signed, trust_root)
    parts = tuple(
        ProvedPart(
            number=part.number,
            role=manifest.parts[part.number - 1].role,
            media_type=manifest.parts[part.number - 1].media_type,
            full_url=part.full_url,
            content=part.content,
        )
        for part in evidence.parts
    )
    return Opened(leaf, manifest, parts)


def _disclosed(part: OpenedPart, media_type: str) -> DisclosedPart:
    return DisclosedPart(part.number, media_type, part.full_url, part.content, part.salt, part.proof)


def _verify_manifest(
    manifest: Manifest, disclosed: Sequence[DisclosedPart], leaf: Leaf, signed: Signed, trust_root: TrustRoot
) -> None:
    parts = {part.number: part for part in disclosed}
    try:
        check_manifest(manifest, origin=signed.head.log.origin, entry_type=leaf.entry_type, parts=parts)
    except MisplacedManifestError as error:
        if manifest.origin != signed.head.log.origin:
            raise ForeignManifestError(manifest.origin, signed.head.log.origin) from error
        raise ManifestMismatchError(str(error)) from error
    if manifest.identity is not None and manifest.identity.institution != signed.head.log.institution:
        raise ManifestMismatchError("it names another institution than the one whose log this is")
    if leaf.entry_type in RECORD_TYPES and manifest.kind not in trust_root.kinds:
        raise KindNotAllowedError(manifest.kind)


# The anchor


def _verify_anchor(
    anchor: StatedAnchor | None, checkpoint: Checkpoint, trust_root: TrustRoot, head: AnchoredHeadLike | None
) -> AnchorStanding:
    known = {int(checkpoint.size): bytes(checkpoint.root)}
    if anchor is not None:
        _verify_stated_anchor(anchor, checkpoint, trust_root)
        known[anchor.size] = anchor.root
    if head is None:
        return AnchorStanding.STATED if anchor is not None else AnchorStanding.NONE
    if head.origin != checkpoint.origin:
        raise AnchorRefutedError(f"the head read from the chain is of log {head.origin!r}")
    if head.size in known:
        if head.root != known[head.size]:
            raise AnchorRefutedError(f"the chain holds another root at size {head.size}: the log was forked")
        return AnchorStanding.CHECKED
    if anchor is None:
        return AnchorStanding.NONE
    if head.size < anchor.size and head.block_number >= anchor.block_number:
        # Heads never shrink, so that this is no matter of a node that lags.
        raise AnchorRefutedError(f"after the stated block the chain's head is of size {head.size}, not {anchor.size}")
    return AnchorStanding.STATED


def _verify_stated_anchor(anchor: StatedAnchor, checkpoint: Checkpoint, trust_root: TrustRoot) -> None:
    chain = trust_root.chain
    pin = chain.contracts.get(ANCHOR_CONTRACT)
    if anchor.chain_id != chain.chain_id:
        raise AnchorRefutedError(f"it is on chain {anchor.chain_id}, the consortium's is {chain.chain_id}")
    if pin is None or anchor.contract != pin.address:
        raise AnchorRefutedError("it is in another contract than the trust root names")
    try:
        verify_consistency(
            old_size=checkpoint.size,
            new_size=TreeSize(anchor.size),
            old_root=checkpoint.root,
            new_root=RootHash(anchor.root),
            proof=[NodeHash(each) for each in anchor.consistency],
        )
    except ConsistencyError as error:
        raise AnchorRefutedError(f"the checkpoint is not part of the stated head: {error}") from error


# Age


def _as_of(evidence: Evidence, leaf: Leaf, cosigned: Cosigned, checked_head: AnchoredHeadLike | None) -> Age:
    if checked_head is not None:
        return Age(time_of(checked_head.timestamp_s, "anchor head"), AsOfBasis.CHAIN)
    if cosigned.quorum_time_s is not None:
        return Age(time_of(cosigned.quorum_time_s, "cosignature"), AsOfBasis.WITNESSES)
    if evidence.anchor is not None:
        return Age(time_of(evidence.anchor.timestamp_s, "anchor"), AsOfBasis.STATED)
    return Age(time_of(leaf.claimed_time_ms / 1000, "leaf"), AsOfBasis.CLAIMED)


def _verify_age(age: Age, now: datetime, max_age: timedelta | None) -> None:
    if max_age is None:
        return
    if age.basis not in (AsOfBasis.CHAIN, AsOfBasis.WITNESSES):
        # Whoever holds old evidence could write any time into it.
        raise EvidenceTooOldError("nothing proves how recent the evidence is")
    if now - age.time > max_age:
        raise EvidenceTooOldError(f"the evidence is as of {show_time(age.time)}, older than accepted")
