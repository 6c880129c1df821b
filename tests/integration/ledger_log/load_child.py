"""A process to be killed: stages and sequences as fast as it can, and says what is durable on its standard output.

Usage: python -m tests.integration.ledger_log.load_child KIND PATH RUN
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from ledger.ports import LogStore
from ledger.sequencer import Sequencer
from ledger.store.posix import PosixLogStore
from ledger.store.sql import SqlLogStore
from tests.log_media import sqlite_engine
from tests.simulators import ORIGIN, SIGNER, ScriptedGuard

BATCHES = (1, 700, 3, 256, 40)


def stage(store: LogStore, run: str, number: int, size: int) -> int:
    return store.stage([f"{run} {number} {position}".encode() for position in range(size)])


def acknowledge(first: int, number: int, size: int) -> None:
    sys.stdout.write(f"{first} {number} {size}\n")
    sys.stdout.flush()


def load_posix(path: Path, run: str) -> None:
    grower = Sequencer(SIGNER, ScriptedGuard())
    with PosixLogStore(path, ORIGIN) as store:
        for number, size in enumerate(itertools.cycle(BATCHES)):
            acknowledge(stage(store, run, number, size), number, size)
            if number % 2:
                grower.step(store)


def load_sql(path: Path, run: str) -> None:
    grower = Sequencer(SIGNER, ScriptedGuard())
    engine = sqlite_engine(path)
    for number, size in enumerate(itertools.cycle(BATCHES)):
        with engine.begin() as connection:
            first = stage(SqlLogStore(connection, ORIGIN), run, number, size)
        acknowledge(first, number, size)
        if number % 2:
            with engine.begin() as connection:
                grower.step(SqlLogStore(connection, ORIGIN))


if __name__ == "__main__":
    kind, where, name = sys.argv[1:]
    (load_posix if kind == "posix" else load_sql)(Path(where), name)
