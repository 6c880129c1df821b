"""Check what was found when logs were read again for a certificate, against the trust root alone (docs/spec/look-again.md). Pure.

The certificate inside is verified as by itself. Then each log: its head, that it is of the certificate's history, that each
entry is in it, below what had been read, and the one that its number under the key names. Then each entry is accounted for.
That none comes after the last one is not in the file: whoever has the keys looks again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from ledger.errors import ConsistencyError
from ledger.hashing import NodeHash, hash_leaf
from ledger.proofs import verify_consistency
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.domain.header import Header
from node.domain.look_verdict import Account, AccountedEntry, LookedThrough, LookVerdict
from node.domain.recognition import ReadLog
from node.domain.trust import TrustRoot
from node.domain.verdict import Finding, ProvedLine
from node.errors import (
    ForeignKeysError,
    ForeignPatientError,
    HeaderVerificationError,
    LookRefutedError,
    SeriesOrderError,
    SeriesTagError,
)
from node.terminology.bundle import Terminology
from node.terminology.maps import InstitutionMap
from node.wire.catalogue.documents import parse_document
from node.wire.certificate.accounts import FoundAgain, account_for
from node.wire.certificate.entries import CertifiedEntry
from node.wire.certificate.file import DecisionCertificate, parse_certificate
from node.wire.certificate.look_file import LookAgain, LookedEntry, LookedLog
from node.wire.certificate.verification import OpenedCertificate, open_certificate
from node.wire.evidence.findings import show_time, time_of
from node.wire.header.seal import HeaderPlace, open_header_reader, verify_header_digest
from node.wire.leaf import Leaf, parse_leaf
from node.wire.locator import ORDINARY, locator_tag
from node.wire.trusted_head import TrustedHead, open_trusted_head, verify_entry, verify_witnesses

_NAMED_LOGS: Final = 5
"""Logs that a finding names; a consortium has some hundred."""


@dataclass(frozen=True, slots=True)
class _Facts:
    """All that was checked."""

    look: LookAgain
    opened: OpenedCertificate
    logs: tuple[LookedThrough, ...]
    left_out: tuple[Origin, ...]
    entries: tuple[AccountedEntry, ...]
    person_shown: bool
    foreign_maps: tuple[InstitutionId, ...]

    def having(self, *accounts: Account) -> list[AccountedEntry]:
        """Return the entries of which one of these is told."""
        return [each for each in self.entries if each.account in accounts]


def verify_look(look: LookAgain, trust_root: TrustRoot, *, now: datetime) -> LookVerdict:
    """Verify what was found when logs were read again.

    Raises:
        WireError: Something in it is unreadable.
        TrustRootExpiredError: The trust root's time is over.
        EvidenceRefutedError: It, or the certificate inside, claims what is not so; the subclass says what.
    """
    certificate = parse_certificate(look.certificate)
    opened = open_certificate(certificate, trust_root, now=now)
    read_to = read_sizes(opened)
    heads = heads_of(certificate, trust_root)
    logs: list[LookedThrough] = []
    found: list[FoundAgain] = []
    for log in look.logs:
        told, entries = _verify_log(log, look.epoch_keys, read_to, heads, trust_root)
        logs.append(told)
        found += entries
    looked = [each.origin for each in logs]
    if len(set(looked)) < len(looked):
        raise LookRefutedError("a log stands twice")
    person_shown = _verify_person(opened, found, looked)
    documents, foreign = _documents(look, opened.documents.terminology)
    facts = _Facts(
        look=look,
        opened=opened,
        logs=tuple(logs),
        left_out=tuple(each for each, size in read_to.items() if size and each not in looked),
        entries=account_for(opened.read, documents, found),
        person_shown=person_shown,
        foreign_maps=foreign,
    )
    return LookVerdict(
        certificate=opened.verdict,
        made_at_ms=look.made_at_ms,
        logs=facts.logs,
        left_out=facts.left_out,
        entries=facts.entries,
        person_shown=person_shown,
        trust_root_serial=trust_root.serial,
        proved=_proved(facts),
        not_proved=_not_proved(facts),
        remarks=(*_remarks(facts), _finding("holds_keys", count=len(look.epoch_keys))),
    )


def read_sizes(opened: OpenedCertificate) -> Mapping[Origin, int]:
    """Return how far each log had been read for the check, as the certificate shows that the check commits to.

    Raises:
        LookRefutedError: The check commits to nothing of it.
    """
    proof = opened.verdict.read
    if proof is None:
        raise LookRefutedError("the check does not commit to how far logs had been read: nothing says up to where to look again")
    logs: Sequence[ReadLog] = proof.logs
    return {each.origin: each.size for each in logs}


def heads_of(certificate: DecisionCertificate, trust_root: TrustRoot) -> Mapping[Origin, TrustedHead]:
    """Return the heads of a certificate, by log; raises as `open_trusted_head`."""
    opened = (open_trusted_head(note, trust_root) for note in certificate.heads)
    return {each.log.origin: each for each in opened}


def _verify_log(
    log: LookedLog,
    keys: Mapping[int, bytes],
    read_to: Mapping[Origin, int],
    heads: Mapping[Origin, TrustedHead],
    trust_root: TrustRoot,
) -> tuple[LookedThrough, list[FoundAgain]]:
    head = open_trusted_head(log.head, trust_root)
    origin, size = head.log.origin, head.checkpoint.size
    read_size = read_to.get(origin)
    if read_size is None:
        raise LookRefutedError("it had not been read for the check", origin)
    if size < read_size:
        raise LookRefutedError(f"its head is of size {size}, and {read_size} entries had been read", origin)
    shown = heads.get(origin)
    verify_history(log.consistency, head, shown)
    entries = _verify_entries(log.entries, head, keys, read_size)
    witnessed = verify_witnesses(head, trust_root).quorum_time_s is not None
    return LookedThrough(origin, head.log.institution, read_size, size, witnessed, shown is not None, len(entries)), entries


def verify_history(consistency: Sequence[NodeHash], head: TrustedHead, shown: TrustedHead | None) -> None:
    """Check that a head is of the history that a certificate shows of its log, if it shows any.

    Raises:
        LookRefutedError: It is of another one, or compared with nothing.
    """
    if shown is None:
        if consistency:
            raise LookRefutedError("it is compared with a head that the certificate does not have", head.log.origin)
        return
    old, new = sorted((head.checkpoint, shown.checkpoint), key=lambda each: each.size)
    try:
        verify_consistency(old_size=old.size, new_size=new.size, old_root=old.root, new_root=new.root, proof=consistency)
    except ConsistencyError as error:
        raise LookRefutedError("it is of another history than the certificate shows: the log is forked", head.log.origin) from error


def _verify_entries(
    entries: Sequence[LookedEntry], head: TrustedHead, keys: Mapping[int, bytes], read_size: int
) -> list[FoundAgain]:
    origin = head.log.origin
    found: list[FoundAgain] = []
    last: dict[int, tuple[int, int]] = {}
    for entry in entries:
        counter, before = last.get(entry.epoch, (0, -1))
        if entry.index <= before:
            raise SeriesOrderError(origin, counter, entry.index)
        if entry.index >= read_size:
            raise LookRefutedError(f"entry {entry.index} does not lie below what had been read", origin)
        verify_entry(head, entry.index, entry.leaf, entry.proof)
        leaf, key = parse_leaf(entry.leaf), keys.get(entry.epoch)
        if key is None or leaf.tag != locator_tag(key, origin, ORDINARY, counter):
            raise SeriesTagError(origin, counter, entry.index)
        last[entry.epoch] = counter + 1, entry.index
        found.append(FoundAgain(_certified(entry, leaf, key, head), entry.epoch))
    return found


def _certified(entry: LookedEntry, leaf: Leaf, key: bytes, head: TrustedHead) -> CertifiedEntry:
    log = head.log
    proved = ProvedLine(
        origin=log.origin,
        institution=log.institution,
        leaf_index=entry.index,
        entry_type=leaf.entry_type,
        claimed_time_ms=leaf.claimed_time_ms,
        header=_open_header(entry, leaf, key, log.origin),
        evidence=None,
    )
    return CertifiedEntry(proved, LeafReference(log.origin, hash_leaf(entry.leaf)))


def _open_header(entry: LookedEntry, leaf: Leaf, key: bytes, origin: Origin) -> Header | None:
    if entry.header is None:
        return None
    try:
        verify_header_digest(entry.header, leaf.header_digest)
        return open_header_reader(entry.header, HeaderPlace(origin, leaf.entry_type, leaf.tag), key)
    except HeaderVerificationError as error:
        raise LookRefutedError(f"the header of entry {entry.index} does not hold: {error}", origin) from error


def _verify_person(opened: OpenedCertificate, found: Sequence[FoundAgain], looked: Sequence[Origin]) -> bool:
    """Check that the keys are those of the person whose results the certificate shows; tell whether one of these is found.

    Raises:
        ForeignKeysError: Its logs were looked through, and none of its results is there.
        ForeignPatientError: An entry bears another pseudonym.
    """
    pseudonym = opened.read.decision.proved.header
    for each in found:
        header = each.entry.proved.header
        if header is None or header.pseudonym is None or pseudonym is None or pseudonym.pseudonym is None:
            continue
        if header.pseudonym != pseudonym.pseudonym:
            raise ForeignPatientError(f"log {each.entry.proved.origin}")
    places = {(each.entry.proved.origin, each.entry.proved.leaf_index) for each in found}
    shown = [each.entry.proved for each in opened.read.results if each.entry.proved.origin in looked]
    is_shown = any((each.origin, each.leaf_index) in places for each in shown)
    if shown and not is_shown:
        raise ForeignKeysError
    return is_shown


def _documents(look: LookAgain, pinned: Terminology) -> tuple[Terminology, tuple[InstitutionId, ...]]:
    """Return the pinned documents with the maps beside them: a map that is pinned stays."""
    maps: dict[InstitutionId, InstitutionMap] = {}
    for content in look.maps:
        document = parse_document(content)
        if not isinstance(document, InstitutionMap):
            raise LookRefutedError("a document that is no map of an institution")
        if document.institution in pinned.maps or document.institution in maps:
            raise LookRefutedError(f"a second map of {document.institution}")
        maps[document.institution] = document
    return replace(pinned, maps={**pinned.maps, **maps}), tuple(maps)


# What is told


def _proved(facts: _Facts) -> tuple[Finding, ...]:
    logs, entries = facts.logs, facts.entries
    findings = [_finding("certificate_holds"), _finding("entries_included", count=len(entries), logs=len(logs))]
    if entries:
        findings.append(_finding("contiguous", count=len(entries)))
    compared = sum(each.compared for each in logs)
    if compared:
        findings.append(_finding("one_history", count=compared))
    if facts.person_shown:
        findings.append(_finding("same_person"))
    accounted = facts.having(Account.OFFERED, Account.REFUSED, Account.UNMAPPED)
    if accounted:
        findings.append(_finding("told", count=len(accounted)))
    for account in (Account.HIDDEN_VERSION, Account.HIDDEN_OFFER, Account.UNTOLD):
        hidden = facts.having(account)
        if hidden:
            findings.append(_finding(account.value.replace("-", "_"), count=len(hidden)))
    held = [each for each in facts.having(Account.HIDDEN_VERSION, Account.HIDDEN_OFFER, Account.UNTOLD) if each.key_held]
    if held:
        findings.append(_finding("key_held", count=len(held)))
    return tuple(findings)


def _not_proved(facts: _Facts) -> tuple[Finding, ...]:
    look = facts.look
    findings = [_finding("nothing_beyond", window=look.window)]
    if facts.opened.verdict.check_index is None:
        findings.append(_finding("check_asserted"))
    if facts.left_out:
        findings.append(_finding("left_out", count=len(facts.left_out), origins=_names(facts.left_out)))
    counted = {
        "closed": facts.having(Account.CLOSED),
        "unjudged": facts.having(Account.UNJUDGED),
        "by_consent": facts.having(Account.BY_CONSENT),
        "key_unknown": [
            each for each in facts.having(Account.HIDDEN_VERSION, Account.HIDDEN_OFFER, Account.UNTOLD) if not each.key_held
        ],
    }
    findings += [_finding(code, count=len(entries)) for code, entries in counted.items() if entries]
    if facts.foreign_maps:
        findings.append(_finding("maps_unpinned", institutions=", ".join(sorted(facts.foreign_maps))))
    alone = sum(not each.compared and not each.witnessed for each in facts.logs)
    if alone:
        findings.append(_finding("history_alone", count=alone))
    if not facts.person_shown:
        findings.append(_finding("person_unshown"))
    made_at = show_time(time_of(look.made_at_ms / 1000, "made_at_ms"))
    return (*findings, _finding("private"), _finding("intent"), _finding("made_at", time=made_at))


def _remarks(facts: _Facts) -> list[Finding]:
    hidden = facts.having(Account.HIDDEN_VERSION, Account.HIDDEN_OFFER, Account.UNTOLD)
    return [_finding("not_accounted", count=len(hidden))] if hidden else []


def _names(origins: Sequence[Origin]) -> str:
    return ", ".join(origins[:_NAMED_LOGS]) + (" …" if len(origins) > _NAMED_LOGS else "")


def _finding(code: str, **values: object) -> Finding:
    return Finding(code, tuple((name, str(value)) for name, value in values.items()))
