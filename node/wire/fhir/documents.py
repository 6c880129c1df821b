"""FHIR R4 documents in, record drafts out: one for each report, study, referral and prescription (docs/spec/kinds.md).

Takes Bundles of type collection, document, transaction, batch and message, and single resources, among them the lines of
NDJSON. Every part of a draft is an exact slice of the input. Left out: FHIR XML, profiles and terminology; a document
that passes here may still be invalid FHIR.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from node.domain.kind import DocumentLimits, IdentityRules, KindTable
from node.domain.record import RecordDraft
from node.errors import DocumentRefusedError, LimitExceededError, Refusal
from node.wire.fhir.records import RecordReader
from node.wire.fhir.resources import Document, split_resources


class SplitDocument(NamedTuple):
    """What a document holds."""

    drafts: tuple[RecordDraft, ...]
    """Its records, in document order; possibly none."""
    ignored: Mapping[str, int]
    """How many resources of which type belong to no record, by type."""


def split_document(document: bytes, kinds: KindTable, limits: DocumentLimits, rules: IdentityRules) -> SplitDocument:
    """Split a FHIR R4 document into the records that it holds. All of it is taken, or nothing.

    Args:
        document: A Bundle or one resource, JSON in UTF-8.
        kinds: What makes a record.
        limits: How much a document may ask.
        rules: Whose document it is, and by which identifiers that institution names records and patients.

    Raises:
        MalformedJsonError: Not JSON, or an object names a key twice.
        LimitExceededError: A limit is exceeded; it names which.
        DocumentRefusedError: Something is missing or contradictory; lists every FHIR path.
    """
    read = split_resources(document, limits)
    drafts: list[RecordDraft] = []
    refusals: list[Refusal] = []
    used: set[int] = set()
    expanded_bytes = 0
    for resource in read.resources:
        focal = kinds.focal_types.get(resource.resource_type)
        if focal is None:
            continue
        reader = RecordReader(read, focal, resource, rules, limits, kinds.labels)
        draft = reader.read()
        used |= reader.roles.keys()
        if draft is None:
            refusals += reader.refusals
            continue
        drafts.append(draft)
        expanded_bytes += sum([len(part.content) for part in draft.parts])
        if len(drafts) > limits.max_records:
            raise LimitExceededError("max_records", limits.max_records)
        if expanded_bytes > limits.max_expanded_bytes:
            raise LimitExceededError("max_expanded_bytes", limits.max_expanded_bytes)
    if refusals:
        raise DocumentRefusedError(tuple(dict.fromkeys(refusals)))
    return SplitDocument(tuple(drafts), _ignored(read, used))


def _ignored(document: Document, used: set[int]) -> Mapping[str, int]:
    if len(used) == len(document.resources):
        return {}
    return dict(Counter(each.resource_type for each in document.resources if each.index not in used))
