"""Logs that hold entries of one patient among those of others, signed and cosigned by the consortium of the evidence tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from ledger.checkpoints import Checkpoint, open_checkpoint
from ledger.hashing import LeafIndex
from ledger.notes import add_signatures, encode_note, parse_note
from ledger.sequencer import Sequencer
from ledger.store.memory import MemoryLogStore
from node.domain.entry import EntryType, Origin
from node.domain.patient import LocatorTag, PatientSeed
from node.identity.codes import epoch_key, exchange_private_key, patient_code
from node.wire.evidence.completeness import SeriesKey
from node.wire.leaf import Leaf, encode_leaf
from node.wire.locator import locator_tag, pairwise_key
from tests.simulators import ScriptedGuard
from tests.unit.evidence_verify.world import CLAIMED_MS, COSIGNED_S, COSIGNERS, INSTITUTIONS, LOG_SIGNERS, A

SEED = PatientSeed(bytes(range(1, 33)))
LOCATOR_SECRET = b"\x0d" * 32
EXCHANGE_KEY = bytes.fromhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
"""The institution's X25519 public key (RFC 7748 section 6.1)."""
RECORDS = SeriesKey(0, 1, None, epoch_key(patient_code(SEED), LOCATOR_SECRET, 1))
PRIVATE = SeriesKey(1, None, EXCHANGE_KEY, pairwise_key(exchange_private_key(SEED), EXCHANGE_KEY))


def tag(key: SeriesKey, counter: int, origin: Origin = A) -> LocatorTag:
    """Return the tag of a counter."""
    return locator_tag(key.key, origin, key.tag_class, counter)


def foreign_tag(number: int) -> LocatorTag:
    """Return a tag of somebody else."""
    return LocatorTag(sha256(b"foreign %d" % number).digest())


def leaf(of: LocatorTag) -> bytes:
    """Return a leaf with a tag."""
    return encode_leaf(Leaf(EntryType.RECORD, CLAIMED_MS, sha256(of).digest(), of, sha256(b"header" + of).digest()))


@dataclass(frozen=True)
class GrownLog:
    """A log and its head."""

    store: MemoryLogStore
    checkpoint: Checkpoint
    note: bytes


def grow(leaves: Iterable[bytes], origin: Origin = A) -> GrownLog:
    """Log some leaves, and have the head cosigned."""
    entries: Sequence[bytes] = list(leaves)
    store, signer = MemoryLogStore(origin), LOG_SIGNERS[origin]
    assert store.stage(entries) == LeafIndex(0)
    Sequencer(signer, ScriptedGuard()).step(store, len(entries))
    signed = store.checkpoint()
    assert signed is not None
    note = parse_note(signed)
    cosignatures = [COSIGNERS[each].cosign(note.text, COSIGNED_S) for each in INSTITUTIONS[1:]]
    return GrownLog(store, open_checkpoint(signed, signer.verifier_key, origin), encode_note(add_signatures(note, *cosignatures)))


def mixed(tags: Sequence[LocatorTag], others: int = 300) -> list[bytes]:
    """Return leaves with these tags in this order, and those of others between them."""
    step = max(1, others // (len(tags) + 1))
    leaves = []
    for at in range(others):
        if at % step == 0 and at // step < len(tags):
            leaves.append(leaf(tags[at // step]))
        leaves.append(leaf(foreign_tag(at)))
    return leaves
