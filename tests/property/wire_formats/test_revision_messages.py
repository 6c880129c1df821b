"""Messages about revisions: what is written is read, and what was changed says something else or is refused."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from node.domain.entry import LeafReference, Origin
from node.domain.message import MessageId
from node.domain.revision_notice import NoticeChange
from node.errors import WireError
from node.wire.members.revisions import (
    AcknowledgementMessage,
    RevisionMessage,
    encode_acknowledgement_message,
    encode_revision_message,
    parse_acknowledgement_message,
    parse_revision_message,
)
from tests.property.wire_formats.strategies import hashes, names
from tests.property.wire_formats.test_round_trips import flip

references = st.builds(LeafReference, names.map(Origin), hashes)
times_ms = st.integers(0, 2**48 - 1)
concerned = st.lists(references, min_size=1, max_size=5, unique=True).map(tuple)
others = st.sampled_from([change for change in NoticeChange if change is not NoticeChange.LIFTED])
revisions = st.one_of(
    st.builds(RevisionMessage, others, references, concerned, times_ms),
    st.builds(RevisionMessage, st.just(NoticeChange.LIFTED), references, concerned, times_ms, references),
)
acknowledgements = st.builds(
    AcknowledgementMessage, st.binary(min_size=16, max_size=16).map(lambda one: MessageId(one.hex())), times_ms
)


@given(revisions, st.integers(0, 2**20))
def test_revisions(message: RevisionMessage, bit: int) -> None:
    data = encode_revision_message(message)
    assert parse_revision_message(data) == message
    with contextlib.suppress(WireError):
        assert parse_revision_message(flip(data, bit)) != message


@given(acknowledgements, st.integers(0, 2**20))
def test_acknowledgements(message: AcknowledgementMessage, bit: int) -> None:
    data = encode_acknowledgement_message(message)
    assert parse_acknowledgement_message(data) == message
    with contextlib.suppress(WireError):
        assert parse_acknowledgement_message(flip(data, bit)) != message


@given(st.binary(max_size=200))
def test_bytes_of_others(data: bytes) -> None:
    for parse in (parse_revision_message, parse_acknowledgement_message):
        with contextlib.suppress(WireError):
            parse(data)
