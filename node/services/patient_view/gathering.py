"""What a patient sees, gathered by the patient's own tool from nodes that it does not believe (docs/spec/patient-view.md).

For each log of the trust root and each of the patient's keys the tool asks for tags by number, a block at a time, until a
block is not full. Every answer is verified before it counts: the head against the trust root, each entry under it, the tag
in the leaf, the header's digest and seal. A node can hide entries from this view, not invent or alter any; a number that
is missing between others is told, and `concord prove-complete` shows whether one is missing at all.

Left out: transport (`PatientGateway`), words for people.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from nacl.bindings import crypto_sign, crypto_sign_BYTES, crypto_sign_seed_keypair

from node.domain.entry import InstitutionId, Origin
from node.domain.patient import LocatorTag, PatientSeed
from node.domain.trust import TrustRoot
from node.domain.verdict import ProvedLine
from node.errors import BundleLineError, ConcordError, HeaderVerificationError
from node.identity.codes import signing_key_seed
from node.services.patient_view.completeness import series_keys
from node.wire.evidence.bundle import BundleLine, PatientBundle
from node.wire.evidence.completeness import SeriesKey
from node.wire.header.seal import HeaderPlace, header_data_key, open_header_key, verify_header_digest
from node.wire.leaf import parse_leaf
from node.wire.locator import locator_tag
from node.wire.members.http_signature import SignatureTag, SignatureTerms, SignedRequest, patient_key_id, sign_request, target_uri
from node.wire.patient.entries import AnsweredEntry, AnsweredLog, OwnRecordRequest, TagsByLog, encode_own_record
from node.wire.patient.file import PatientFile
from node.wire.trusted_head import TrustedHead, open_trusted_head, verify_entry

RECORDS_PATH: Final = "/v1/patient/records"
LIFETIME_S: Final = 60
"""How long a patient's signature counts."""
_NONCE_BYTES: Final = 16
BLOCK: Final = 64
"""Numbers asked for at once under one key."""


def signed_request(seed: PatientSeed, endpoint: str, asked: OwnRecordRequest, now: datetime) -> tuple[bytes, dict[str, str]]:
    """Sign a patient's request for a record in full.

    Args:
        seed: The patient's.
        endpoint: The address that the trust root gives the log; another one may be called.
        asked: What is asked for.
        now: The time, aware.

    Returns:
        The body, and the headers to send with it.
    """
    body, (public_key, private_key) = encode_own_record(asked), crypto_sign_seed_keypair(signing_key_seed(seed))
    headers = {"content-type": "application/json"}
    request = SignedRequest("POST", target_uri(endpoint, RECORDS_PATH), headers, body)
    created_s = int(now.timestamp())
    terms = SignatureTerms(
        SignatureTag.PATIENT, patient_key_id(public_key), created_s, created_s + LIFETIME_S, secrets.token_hex(_NONCE_BYTES)
    )
    return body, {**headers, **sign_request(request, terms, lambda message: _sign(message, private_key))}


def _sign(message: bytes, private_key: bytes) -> bytes:
    return crypto_sign(message, private_key)[:crypto_sign_BYTES]


class PatientGateway(Protocol):
    """Reaches the node that answers for a log."""

    def exchange_keys(self, origin: Origin) -> Sequence[bytes]:
        """Return the exchange keys of a log's institution, X25519, former ones included.

        Raises:
            ConcordError, ConnectionError: The node does not answer, or not for this log.
        """

    def entries(self, origin: Origin, tags: TagsByLog) -> Mapping[Origin, AnsweredLog]:
        """Return what the node has under these tags; raises as `exchange_keys`."""


@dataclass(frozen=True, slots=True)
class ViewedLine:
    """An entry of the patient, verified."""

    line: ProvedLine
    """What it says."""
    proof: BundleLine
    """What proves it; `head` counts in the view's heads."""
    key: SeriesKey
    """The key that it was found under."""
    counter: int
    """Its number under that key."""


@dataclass(frozen=True, slots=True)
class LogTrouble:
    """What could not be shown of a log."""

    origin: Origin
    """The log."""
    institution: InstitutionId
    """Whose."""
    reason: str
    """`gap`, or why its node did not answer."""


@dataclass(frozen=True, slots=True)
class PatientView:
    """All that the nodes answered."""

    lines: tuple[ViewedLine, ...]
    """In order of logs, keys and numbers."""
    heads: tuple[bytes, ...]
    """The signed heads that prove them."""
    troubles: tuple[LogTrouble, ...]
    """What could not be shown; empty where every node answered without a gap."""

    def bundle(
        self, made_at_ms: int, *, evidence: Mapping[tuple[Origin, int], bytes], completeness: Sequence[bytes]
    ) -> PatientBundle:
        """Return all of it as a bundle.

        Args:
            made_at_ms: The time, unix ms.
            evidence: Evidence files of entries, by log and index.
            completeness: Completeness files, where the patient hands out their keys.
        """
        lines = []
        for viewed in self.lines:
            proof = viewed.proof
            place = viewed.line.origin, viewed.line.leaf_index
            lines.append(
                BundleLine(proof.head, proof.index, proof.leaf, proof.proof, proof.header, proof.data_key, evidence.get(place))
            )
        return PatientBundle(made_at_ms, self.heads, tuple(lines), tuple(completeness))


@dataclass
class _Gathered:
    """What was gathered so far."""

    heads: list[bytes]
    lines: list[ViewedLine]
    troubles: list[LogTrouble]


def gather(patient: PatientFile, trust_root: TrustRoot, gateway: PatientGateway) -> PatientView:
    """Ask for all entries of a patient in all logs of a trust root, which was verified before.

    A log whose node does not answer, or answers what does not hold, is told as trouble; the others are shown.
    """
    gathered = _Gathered([], [], [])
    for log in trust_root.logs.values():
        try:
            keys = series_keys(patient.seed, patient.epoch_keys, gateway.exchange_keys(log.origin))
            for key in keys:
                gathered_lines = list(_gather_series(log.origin, key, trust_root, gateway, gathered.heads))
                gathered.lines += gathered_lines
                counters = [each.counter for each in gathered_lines]
                if counters != list(range(len(counters))):
                    gathered.troubles.append(LogTrouble(log.origin, log.institution, "gap"))
        except (ConcordError, ConnectionError, ValueError) as error:
            gathered.troubles.append(LogTrouble(log.origin, log.institution, str(error)))
    return PatientView(tuple(gathered.lines), tuple(gathered.heads), tuple(dict.fromkeys(gathered.troubles)))


def _gather_series(
    origin: Origin, key: SeriesKey, trust_root: TrustRoot, gateway: PatientGateway, heads: list[bytes]
) -> Iterator[ViewedLine]:
    first = 0
    while True:
        tags = {locator_tag(key.key, origin, key.tag_class, at): at for at in range(first, first + BLOCK)}
        answer = gateway.entries(origin, {origin: list(tags)}).get(origin)
        if answer is None or not answer.entries:
            return
        head = open_trusted_head(answer.head, trust_root)
        if head.log.origin != origin:
            raise BundleLineError(0, "the head is another log's")
        at = _number_of(answer.head, heads)
        found = sorted(_verified(entry, head, at, key, tags) for entry in answer.entries)
        yield from (viewed for _, _, viewed in found)
        if first + BLOCK - 1 not in {counter for counter, _, _ in found}:
            return
        first += BLOCK


def _number_of(head: bytes, heads: list[bytes]) -> int:
    if head not in heads:
        heads.append(head)
    return heads.index(head)


def _verified(
    entry: AnsweredEntry, head: TrustedHead, at: int, key: SeriesKey, tags: Mapping[LocatorTag, int]
) -> tuple[int, int, ViewedLine]:
    verify_entry(head, entry.index, entry.leaf, entry.proof)
    leaf = parse_leaf(entry.leaf)
    counter = tags.get(leaf.tag)
    if counter is None:
        raise BundleLineError(entry.index, "its tag was not asked for")
    header = data_key = None
    if entry.header is not None:
        place = HeaderPlace(head.log.origin, leaf.entry_type, leaf.tag)
        try:
            verify_header_digest(entry.header, leaf.header_digest)
            data_key = header_data_key(entry.header, place, key.key)
            header = open_header_key(entry.header, place, data_key)
        except HeaderVerificationError as error:
            raise BundleLineError(entry.index, str(error)) from error
    line = ProvedLine(
        origin=head.log.origin,
        institution=head.log.institution,
        leaf_index=entry.index,
        entry_type=leaf.entry_type,
        claimed_time_ms=leaf.claimed_time_ms,
        header=header,
        evidence=None,
    )
    proof = BundleLine(at, entry.index, entry.leaf, entry.proof, entry.header if data_key else None, data_key, None)
    return counter, entry.index, ViewedLine(line, proof, key, counter)
