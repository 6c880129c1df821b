"""Write the vectors of docs/spec/fork-evidence.md: `python -m tests.conformance.fork_evidence.make_vectors`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from ledger.follower import Contradicted, Follower
from ledger.forks import Contradiction, ContradictionKind, KnownHead
from ledger.notes import encode_verifier_key
from node.domain.entry import Origin
from node.wire.evidence.fork_evidence import ForkEvidence, encode_fork_evidence
from tests.served_logs import KEYS, ServedLog, drive
from tests.simulators import ORIGIN, SIGNER

FOLDER = Path(__file__).parents[1] / "vectors" / "fork-evidence"
OBSERVED_MS = 1_790_000_000_000


def forked(old: int, new: int, *, anchored: bool = False) -> Contradiction:
    """Let a follower find a log of one size forked at another."""
    log = ServedLog(b"entry %d" % number for number in range(old))
    fork = log.fork(2, (b"other %d" % number for number in range(new - 2)))
    follower = Follower(ORIGIN, KEYS)
    known: list[KnownHead] = [log.head(old)] if anchored else []
    if not anchored:
        drive(follower, log)
    event = drive(follower, fork, known=known)[0]
    if not isinstance(event, Contradicted):
        raise TypeError("no contradiction was found")
    return event.contradiction


def cases() -> dict[str, tuple[Contradiction, bool]]:
    """Return each vector with whether it has to verify."""
    log = ServedLog(b"entry %d" % number for number in range(8))
    fork = forked(5, 8)
    rollback = Contradiction(ContradictionKind.ROLLBACK, log.note(8), log.note(5))
    return {
        "fork": (fork, True),
        "fork-at-a-power-of-two": (forked(4, 7), True),
        "fork-at-one-size": (forked(5, 5), True),
        "rollback": (rollback, True),
        "anchor": (forked(5, 8, anchored=True), True),
        "growth": (
            Contradiction(ContradictionKind.FORK, log.note(5), log.note(8), None, log.root(5), log.proof(5)),
            False,
        ),
        "cut-proof": (replace(fork, consistency=fork.consistency[:-1]), False),
        "no-rollback": (replace(rollback, earlier=log.note(5), later=log.note(8)), False),
        "other-prefix": (replace(fork, prefix_root=log.root(3)), False),
    }


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(exist_ok=True)
    index = []
    for name, (contradiction, verifies) in cases().items():
        evidence = ForkEvidence(Origin(ORIGIN), contradiction, OBSERVED_MS)
        (FOLDER / f"{name}.json").write_bytes(encode_fork_evidence(evidence))
        index.append({"file": f"{name}.json", "verifies": verifies})
    document = {"vkey": encode_verifier_key(SIGNER.verifier_key), "cases": index}
    (FOLDER / "cases.json").write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
