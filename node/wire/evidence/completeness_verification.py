"""Check a file that proves a patient's entries contiguous, against the trust root alone (docs/spec/completeness.md). Pure.

Proved is what the file can prove: that the log holds an entry for every counter from 0 on, in order. That none comes after
the last one is not in it: whoever wants to know scans the log (`node.services.patient_view.completeness`).
"""

from __future__ import annotations

from datetime import datetime

from node.domain.trust import TrustRoot
from node.domain.verdict import CompletenessVerdict, Finding, ProvedSeries
from node.errors import SeriesOrderError, SeriesTagError
from node.wire.evidence.completeness import Completeness, Series
from node.wire.leaf import parse_leaf
from node.wire.locator import locator_tag
from node.wire.trust_root import verify_trust_root
from node.wire.trusted_head import TrustedHead, open_trusted_head, verify_entry, verify_witnesses


def verify_completeness(completeness: Completeness, trust_root: TrustRoot, *, now: datetime) -> CompletenessVerdict:
    """Verify a file against a trust root.

    Raises:
        WireError: Something in it is unreadable.
        TrustRootExpiredError: The trust root's time is over.
        EvidenceRefutedError: It claims what is not so; the subclass says what.
    """
    verify_trust_root(trust_root, now)
    head = open_trusted_head(completeness.checkpoint, trust_root)
    series = tuple(_verify_series(each, head) for each in completeness.series)
    cosigned = verify_witnesses(head, trust_root)
    witnessed = cosigned.quorum_time_s is not None
    return CompletenessVerdict(
        origin=head.log.origin,
        institution=head.log.institution,
        tree_size=head.checkpoint.size,
        series=series,
        witnesses=cosigned.institutions,
        witnessed=witnessed,
        trust_root_serial=trust_root.serial,
        proved=_proved(head, series, cosigned.institutions),
        not_proved=_not_proved(head, completeness, trust_root, len(cosigned.institutions), witnessed=witnessed),
        remarks=(_finding("holds_keys", count=len(series)),),
    )


def _verify_series(series: Series, head: TrustedHead) -> ProvedSeries:
    key, last = series.key, -1
    for counter, entry in enumerate(series.entries):
        if entry.index <= last:
            raise SeriesOrderError(head.log.origin, counter, entry.index)
        verify_entry(head, entry.index, entry.leaf, entry.proof)
        if parse_leaf(entry.leaf).tag != locator_tag(key.key, head.log.origin, key.tag_class, counter):
            raise SeriesTagError(head.log.origin, counter, entry.index)
        last = entry.index
    return ProvedSeries(
        tag_class=key.tag_class,
        epoch=key.epoch,
        exchange_key=key.exchange_key,
        indices=tuple(entry.index for entry in series.entries),
    )


def _proved(head: TrustedHead, series: tuple[ProvedSeries, ...], institutions: tuple[str, ...]) -> tuple[Finding, ...]:
    log = head.log
    findings = [_finding("log_signature", origin=log.origin, institution=log.institution, size=head.checkpoint.size)]
    findings += [_series_finding(each) for each in series]
    if institutions:
        findings.append(_finding("cosignatures", institutions=", ".join(institutions)))
    return tuple(findings)


def _series_finding(series: ProvedSeries) -> Finding:
    count = len(series.indices)
    if series.exchange_key is None:
        return _finding("records_contiguous", epoch=series.epoch, count=count)
    return _finding("private_contiguous", exchange_key=series.exchange_key.hex()[:16], count=count)


def _not_proved(
    head: TrustedHead, completeness: Completeness, trust_root: TrustRoot, count: int, *, witnessed: bool
) -> tuple[Finding, ...]:
    findings = [
        _finding("nothing_beyond", window=completeness.window, size=head.checkpoint.size),
        _finding("other_keys"),
        _finding("untagged"),
    ]
    if not witnessed:
        findings.append(_finding("not_witnessed", count=count, quorum=trust_root.witness_quorum))
    return tuple(findings)


def _finding(code: str, **values: object) -> Finding:
    return Finding(code, tuple((name, str(value)) for name, value in values.items()))
