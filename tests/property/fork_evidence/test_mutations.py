"""Whatever is changed in evidence against a log, it is refused by name: an honest log cannot be framed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import LedgerError
from ledger.forks import Contradiction, ContradictionKind, verify_contradiction
from ledger.hashing import NodeHash, RootHash
from node.errors import WireError
from node.wire.evidence.fork_evidence import encode_fork_evidence, parse_fork_evidence
from tests.conformance.fork_evidence.make_vectors import FOLDER
from tests.served_logs import KEYS, ServedLog
from tests.simulators import ORIGIN

LOG = ServedLog(b"entry %d" % number for number in range(70))
FILES = sorted(path for path in FOLDER.glob("*.json") if path.name != "cases.json")
hashes = st.sampled_from([LOG.root(size) for size in (1, 4, 32, 33, 64, 70)]) | st.binary(min_size=32, max_size=32)


@given(
    old=st.integers(0, 70), new=st.integers(0, 70), prefix_root=hashes, extra=st.lists(hashes, max_size=3), cut=st.integers(0, 8)
)
def test_a_log_that_only_grew_is_never_shown_to_have_forked(
    old: int, new: int, prefix_root: bytes, extra: list[bytes], cut: int
) -> None:
    old, new = sorted((old, new))
    honest = LOG.proof(old, new)
    proof = tuple(NodeHash(each) for each in (*honest[: len(honest) - cut], *extra))
    claim = Contradiction(ContradictionKind.FORK, LOG.note(old), LOG.note(new), None, RootHash(prefix_root), proof)
    with pytest.raises(LedgerError):
        verify_contradiction(claim, KEYS, ORIGIN)


@given(file=st.sampled_from(FILES), at=st.integers(0, 5_000), byte=st.integers(0, 255))
def test_an_altered_file_is_refused_or_says_the_same(file: Path, at: int, byte: int) -> None:
    data = bytearray(file.read_bytes())
    data[at % len(data)] = byte
    try:
        evidence = parse_fork_evidence(bytes(data))
    except WireError:
        return
    assert json.loads(encode_fork_evidence(evidence)) == json.loads(bytes(data))
