"""The summary of a recognition as JSON, version 1: the part `summary` of a decision's entry (docs/spec/slip.md).

Arrays instead of objects below the top: it has to fit a QR code. One text for each content, as in `text`.
"""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from node.domain.entry import InstitutionId, LeafReference, Level, Origin
from node.domain.recognition import CertificateId, ItemCode, OfferedItem, OrderableCode, OrderLine
from node.domain.recognition_acts import DecisionId
from node.domain.slip import DecisionSummary, SummarisedResult
from node.errors import MalformedJsonError, UnknownFormatError
from node.wire.json_strict import check_document
from node.wire.recognition.text import CheckText, DecisionText

SUMMARY_MEDIA_TYPE: Final = "application/vnd.concord.summary+json"
SUMMARY_ROLE: Final = "summary"
FORMAT_VERSION: Final = 1
_MAX_DEPTH: Final = 8
_HASH_BYTES: Final = 32


_Time = Annotated[int, Meta(ge=-(2**45), le=2**47)]
"""Unix ms of years that calendars have."""


class _Item(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    item: str
    certificate: str | None


class _Marked(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """Items in a row that bear the same mark."""

    mark: str
    items: Annotated[list[_Item], Meta(min_length=1)]


class _Result(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    institution: str
    origin: str
    leaf_hash: bytes
    performed_at_ms: _Time
    level: Level
    marked: list[_Marked]


class _Summary(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    decision: str
    institution: str
    clinician: tuple[str, str]
    order: tuple[str, str]
    results: list[_Result]
    saving_fen: Annotated[int, Meta(ge=0)]
    checked_at_ms: _Time
    decided_at_ms: _Time


def summarise(text: DecisionText, check: CheckText) -> DecisionSummary:
    """Sum up a recognition, with what its check said of the results."""
    line = next(each for each in check.outcome.lines if each.line == text.decision.line)
    offers = {offer.leaf: offer for offer in line.offers}
    used = (offers[leaf] for leaf in text.decision.recognised)
    return DecisionSummary(
        decision_id=text.decision_id,
        institution=check.outcome.institution,
        staff_number=text.actor.staff_number,
        department=text.actor.department,
        line=text.decision.line,
        results=tuple(
            SummarisedResult(offer.institution, offer.leaf, offer.performed_at_ms, offer.level, offer.items) for offer in used
        ),
        saving_fen=text.decision.saving_fen,
        checked_at_ms=check.outcome.checked_at_ms,
        decided_at_ms=text.decision.decided_at_ms,
    )


def encode_summary(summary: DecisionSummary) -> bytes:
    """Encode a summary."""
    results = [
        _Result(
            institution=each.institution,
            origin=each.leaf.origin,
            leaf_hash=each.leaf.leaf_hash,
            performed_at_ms=each.performed_at_ms,
            level=each.level,
            marked=[
                _Marked(mark, [_Item(item.item, item.certificate) for item in items])
                for mark, items in groupby(each.items, key=attrgetter("mark"))
            ],
        )
        for each in summary.results
    ]
    return msgspec.json.encode(
        _Summary(
            version=FORMAT_VERSION,
            decision=summary.decision_id,
            institution=summary.institution,
            clinician=(summary.staff_number, summary.department),
            order=(summary.line.order_id, summary.line.orderable),
            results=results,
            saving_fen=summary.saving_fen,
            checked_at_ms=summary.checked_at_ms,
            decided_at_ms=summary.decided_at_ms,
        )
    )


def parse_summary(data: bytes) -> DecisionSummary:
    """Parse a summary.

    Raises:
        MalformedJsonError: It is something else.
        UnknownFormatError: A version that this release does not know.
    """
    check_document(data, _MAX_DEPTH)
    try:
        found = msgspec.json.decode(data, type=_Summary)
    except msgspec.DecodeError as error:
        raise MalformedJsonError("/", f"not what it has to be: {type(error).__name__}") from error
    if found.version != FORMAT_VERSION:
        raise UnknownFormatError("summary version", found.version)
    if any(len(each.leaf_hash) != _HASH_BYTES for each in found.results):
        raise MalformedJsonError("/results", "a leaf hash is not 32 bytes long")
    summary = _summary(found)
    if encode_summary(summary) != data:
        raise MalformedJsonError("/", "not written as this release writes it")
    return summary


def _summary(found: _Summary) -> DecisionSummary:
    return DecisionSummary(
        decision_id=DecisionId(found.decision),
        institution=InstitutionId(found.institution),
        staff_number=found.clinician[0],
        department=found.clinician[1],
        line=OrderLine(found.order[0], OrderableCode(found.order[1])),
        results=tuple(_result(each) for each in found.results),
        saving_fen=found.saving_fen,
        checked_at_ms=found.checked_at_ms,
        decided_at_ms=found.decided_at_ms,
    )


def _result(found: _Result) -> SummarisedResult:
    items = (
        OfferedItem(ItemCode(each.item), marked.mark, None if each.certificate is None else CertificateId(each.certificate))
        for marked in found.marked
        for each in marked.items
    )
    leaf = LeafReference(Origin(found.origin), found.leaf_hash)
    return SummarisedResult(InstitutionId(found.institution), leaf, found.performed_at_ms, found.level, tuple(items))
