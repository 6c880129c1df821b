"""Prepare one document: split it, draw ids and secrets, commit to each record. Randomness and time are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from node.domain.entry import InstitutionId, RecordId, Version
from node.domain.kind import DocumentLimits, IdentityRules, KindTable
from node.domain.record import Kind, RecordDraft
from node.errors import DocumentRefusedError, LimitExceededError, Refusal
from node.ports.records.preparation import DraftedRecord, PreparationRequest, PreparedAs, PreparedDocument
from node.ports.records.secrets import RecordSecret, SecretId
from node.services.records.assignment import assignment_for
from node.wire.fhir.documents import split_document
from node.wire.prepare import RecordContext, prepare_record

_NO_ROOM = "a text or a time that the record's formats have no room for"
_TIME_BYTES = 6
"""Ids of records and of secrets begin with their time, unix ms: ids of one time lie beside each other in the databases' indices,
which would otherwise have a page changed, and written durably, for every record in each of them."""
_RECORD_RANDOM_BYTES = 9
_SECRET_RANDOM_BYTES = 10
_SECRET_BYTES = 32
_RESULT = Kind("exam-result")

Entropy = Callable[[int], bytes]
"""Returns that many random bytes."""


@dataclass(frozen=True, slots=True)
class PreparationContext:
    """What preparation knows besides the document; crosses to worker processes once."""

    kinds: KindTable
    """The kinds of record, as data."""
    limits: DocumentLimits
    """What a document may hold."""
    rules: Mapping[InstitutionId, IdentityRules]
    """Per institution: which identifiers name records and patients."""
    records: Mapping[InstitutionId, RecordContext]
    """Per institution: origin and audit keys."""


def prepare_document(request: PreparationRequest, context: PreparationContext, now_ms: int, entropy: Entropy) -> PreparedDocument:
    """Split a document and prepare every record of it.

    Raises:
        WireError: It is not FHIR JSON that can be read in one way only.
        DocumentRefusedError: It lacks what its kinds need.
        LimitExceededError: It is over a limit.
    """
    try:
        split = split_document(request.document, context.kinds, context.limits, context.rules[request.institution])
    except LimitExceededError as error:
        # by the setting's whole name, so that the operator finds it
        raise type(error)(f"limits.{error.limit}", error.allowed) from error
    drafted = tuple(
        _prepare(draft, request.assignments.get(position), context.records[request.institution], now_ms, entropy)
        for position, draft in enumerate(split.drafts)
    )
    return PreparedDocument(drafted, split.ignored)


def _prepare(
    draft: RecordDraft, known_as: PreparedAs | None, context: RecordContext, now_ms: int, entropy: Entropy
) -> DraftedRecord:
    if known_as is None:
        # hexadecimal sorts as its bytes do
        record_id = RecordId(_draw_id(now_ms, _RECORD_RANDOM_BYTES, entropy).hex())
        assignment = assignment_for(draft.explicit_version or Version(1), None, withdraws=draft.withdraws)
    else:
        record_id, assignment = known_as.record_id, known_as.assignment
    secret = RecordSecret(entropy(_SECRET_BYTES))
    try:
        prepared = prepare_record(
            draft,
            context=context,
            record_id=record_id,
            secret=secret,
            claimed_time_ms=now_ms,
            assignment=assignment,
        )
    except ValueError as error:
        # without the error's own words: they may quote the document
        raise DocumentRefusedError([Refusal(draft.path, _NO_ROOM)]) from error
    return DraftedRecord(
        prepared=prepared,
        record_id=record_id,
        secret_id=SecretId(_draw_id(now_ms, _SECRET_RANDOM_BYTES, entropy)),
        secret=secret,
        patient_number=draft.patient_number,
        withdraws=draft.withdraws,
        explicit_version=draft.explicit_version,
        issued_at_ms=None if draft.issued_at is None else int(draft.issued_at.timestamp() * 1000),
        path=draft.path,
        labels=draft.labels,
        results=draft.items if draft.identity.kind == _RESULT else (),
    )


def _draw_id(now_ms: int, random_bytes: int, entropy: Entropy) -> bytes:
    return now_ms.to_bytes(_TIME_BYTES, "big") + entropy(random_bytes)
