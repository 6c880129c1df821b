"""Ask a witness of another institution to cosign a checkpoint of this node's log (C2SP tlog-witness, the client's side).

A witness that tells another size than was thought is given a proof from there. What it tells may be bad news: it has
cosigned more than this node holds, or another history.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final

from ledger.checkpoints import Checkpoint
from ledger.cosignatures import verify_cosignature
from ledger.errors import LedgerError
from ledger.hashing import NodeHash, TreeSize
from ledger.notes import NoteSignature, add_signatures, parse_note
from ledger.witness import AddCheckpoint, encode_add_checkpoint, parse_conflict, parse_cosignatures
from node.domain.trust import TrustedWitness
from node.errors import WitnessAheadError, WitnessContradictsError, WitnessRefusesError
from node.ports.logs.peers import WitnessPeers, WitnessReply

_ATTEMPTS: Final = 4
"""Requests for one checkpoint: others may be submitting newer ones to the same witness."""

Prove = Callable[[TreeSize, TreeSize], Sequence[NodeHash]]
"""Makes the consistency proof between two sizes of the log."""


class WitnessExchange:
    """Asks witnesses; any thread. Remembers what each is thought to hold."""

    def __init__(self, peers: WitnessPeers) -> None:
        self._peers = peers
        self._sizes: dict[tuple[str, str], TreeSize] = {}

    def cosign(self, witness: TrustedWitness, checkpoint: Checkpoint, note: bytes, prove: Prove) -> NoteSignature:
        """Return a witness's cosignature on a checkpoint, verified.

        Raises:
            WitnessAheadError: It has cosigned a larger head.
            WitnessContradictsError: It has cosigned a head that the checkpoint does not extend.
            WitnessRefusesError: It does not know the log, or answers what no witness answers.
            StorageError: It does not answer.
        """
        place = witness.key.name, checkpoint.origin
        old = self._sizes.get(place, TreeSize(0))
        for _ in range(_ATTEMPTS):
            if old > checkpoint.size:
                raise WitnessAheadError(witness.institution, checkpoint.size, old)
            request = AddCheckpoint(old, tuple(prove(old, checkpoint.size)), note)
            reply = self._peers.add_checkpoint(witness.institution, encode_add_checkpoint(request))
            if reply.status == HTTPStatus.OK:
                self._sizes[place] = checkpoint.size
                return _cosignature(witness, note, reply)
            old = _next_size(witness, checkpoint, old, reply)
            self._sizes[place] = old
        raise WitnessRefusesError(witness.institution, "its size changed with every request; it is asked again later")


def _next_size(witness: TrustedWitness, checkpoint: Checkpoint, old: TreeSize, reply: WitnessReply) -> TreeSize:
    if reply.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        raise WitnessContradictsError(witness.institution, checkpoint.size, old)
    if reply.status != HTTPStatus.CONFLICT:
        raise WitnessRefusesError(witness.institution, f"HTTP status {reply.status}")
    try:
        size = parse_conflict(reply.body, reply.media_type)
    except LedgerError as error:
        raise WitnessRefusesError(witness.institution, str(error)) from error
    if size == old == checkpoint.size:
        raise WitnessContradictsError(witness.institution, checkpoint.size, size)
    return size


def _cosignature(witness: TrustedWitness, note: bytes, reply: WitnessReply) -> NoteSignature:
    try:
        signatures = parse_cosignatures(reply.body)
        own = [each for each in signatures if (each.name, each.key_id) == (witness.key.name, witness.key.key_id)]
        if not own:
            raise WitnessRefusesError(witness.institution, "it cosigned with a key that the trust root does not name")
        verify_cosignature(add_signatures(parse_note(note), own[0]), witness.key)
    except LedgerError as error:
        raise WitnessRefusesError(witness.institution, str(error)) from error
    return own[0]
