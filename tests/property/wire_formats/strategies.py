"""Records of any shape."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from node.domain.access import (
    AccessContent,
    AccessOutcome,
    AccessSide,
    Actor,
    BlockStamp,
    CodeContent,
    ConsentContent,
    ConsentId,
    Purpose,
    RequestId,
)
from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin, Version
from node.domain.header import HeaderContent, PartSummary, RelocationContent
from node.domain.patient import LocatorTag
from node.domain.recognition import (
    DecisionOutcome,
    DocumentDigest,
    ItemCode,
    OrderableCode,
    OrderLine,
    Pin,
    Reason,
    ReasonCode,
)
from node.domain.recognition_acts import (
    CheckContent,
    CheckedLine,
    CheckedOrder,
    CheckId,
    DecisionContent,
    DecisionId,
    OfferedResult,
    ReversalContent,
)
from node.domain.record import Item, Kind, RecordIdentity, RecordStatus
from node.wire.commitment import BodyPart
from node.wire.leaf import Leaf, round_claimed_time
from node.wire.manifest import Manifest, ManifestPart

hashes = st.binary(min_size=32, max_size=32)
texts = st.text(max_size=12)
names = st.text(min_size=1, max_size=12)
lengths = st.integers(0, 2**40)
times_ms = st.integers(-62_135_596_800_000, 253_402_300_799_999)
references = st.builds(LeafReference, names.map(Origin), hashes)
parts = st.builds(BodyPart, texts, texts, st.binary(max_size=40))
entry_types = st.sampled_from(EntryType)


@st.composite
def leaves(draw: st.DrawFn) -> Leaf:
    entry_type = draw(entry_types)
    time_ms = round_claimed_time(entry_type, draw(st.integers(0, 2**64 - 1)))
    return Leaf(entry_type, time_ms, draw(hashes), LocatorTag(draw(hashes)), draw(hashes))


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    listed = draw(st.lists(st.builds(ManifestPart, names, texts, lengths), max_size=5))
    kind = Kind(draw(names))
    identity = draw(st.none() | st.builds(RecordIdentity, names.map(InstitutionId), st.just(kind), texts, texts, texts))
    return Manifest(
        origin=Origin(draw(names)),
        entry_type=draw(entry_types),
        kind=kind,
        identity=identity,
        version=Version(0 if identity is None else draw(st.integers(1, 2**40))),
        status=RecordStatus(draw(texts)),
        performed_at_ms=draw(times_ms),
        issued_at_ms=draw(st.none() | times_ms),
        parts=tuple(listed),
        patient_part=draw(st.none() | st.integers(1, len(listed))) if listed else None,
        supersedes=draw(st.none() | references),
    )


header_contents = st.builds(
    HeaderContent,
    kind=names.map(Kind),
    record_id=names,
    version=st.integers(1, 2**40),
    status=texts.map(RecordStatus),
    performed_at_ms=times_ms,
    items=st.lists(st.builds(Item, texts, texts, texts, texts), max_size=4).map(tuple),
    study=texts,
    parts=st.lists(st.builds(PartSummary, texts, texts, lengths), max_size=4).map(tuple),
    supersedes=st.none() | references,
    mark=texts,
    certificate=texts,
    device=texts,
    lot=texts,
)
request_ids = st.binary(min_size=16, max_size=16).map(lambda data: RequestId(data.hex()))
institutions = names.map(InstitutionId)
actors = st.builds(Actor, institutions, texts, texts, texts, texts, texts)
access_contents = st.one_of(
    st.builds(
        AccessContent,
        request_id=request_ids,
        side=st.sampled_from(AccessSide),
        counterpart=institutions,
        actor=actors,
        purpose=st.sampled_from(Purpose),
        outcome=st.sampled_from(AccessOutcome),
        reason=texts,
        consent_id=st.none() | hashes.map(ConsentId),
        consent_block=st.none() | st.builds(BlockStamp, lengths, hashes),
        emergency_id=st.none() | hashes,
        subjects=st.lists(references, max_size=3).map(tuple),
        occurred_at_ms=times_ms,
        encounter=texts,
    ),
    st.builds(
        ConsentContent,
        consent_id=hashes.map(ConsentId),
        asserted=st.booleans(),
        granter=institutions,
        grantee=institutions,
        purposes=st.lists(st.sampled_from(Purpose), max_size=3).map(tuple),
        expires_at_ms=times_ms,
        revoked=st.booleans(),
        occurred_at_ms=times_ms,
    ),
    st.builds(
        CodeContent,
        what=texts,
        institution=institutions,
        actor=actors,
        emergency_id=st.none() | hashes,
        request_id=request_ids,
        occurred_at_ms=times_ms,
    ),
    st.builds(
        RelocationContent,
        target=references,
        target_type=st.integers(1, 255),
        reason=texts,
        consent_id=st.none() | hashes.map(ConsentId),
        record=header_contents,
    ),
)
codes = texts.map(ItemCode)
pins = st.lists(st.builds(Pin, texts, texts, hashes.map(DocumentDigest)), max_size=3).map(tuple)
order_lines = st.builds(OrderLine, texts, texts.map(OrderableCode))
offered = st.lists(st.builds(OfferedResult, references, institutions, st.lists(codes, max_size=3).map(tuple)), max_size=3).map(
    tuple
)
checked_orders = st.builds(
    CheckedOrder,
    check_id=request_ids.map(CheckId),
    encounter=texts,
    checked_at_ms=times_ms,
    answered=st.booleans(),
    lines=st.lists(st.builds(CheckedLine, order_lines, offered), max_size=3).map(tuple),
    pins=pins,
)
recognition_contents = st.one_of(
    st.builds(CheckContent, actors, st.lists(checked_orders, max_size=2).map(tuple)),
    st.builds(
        DecisionContent,
        decision_id=request_ids.map(DecisionId),
        check_id=request_ids.map(CheckId),
        actor=actors,
        encounter=texts,
        line=order_lines,
        outcome=st.sampled_from(DecisionOutcome),
        results=offered,
        items=st.lists(codes, max_size=3).map(tuple),
        reason=st.none() | st.sampled_from(Reason),
        sub_reason=st.none() | texts.map(ReasonCode),
        saving_fen=lengths,
        warned=st.booleans(),
        pins=pins,
        decided_at_ms=times_ms,
    ),
    st.builds(ReversalContent, request_ids.map(DecisionId), references, actors, times_ms),
)
act_contents = access_contents | recognition_contents
times = st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is given beside
