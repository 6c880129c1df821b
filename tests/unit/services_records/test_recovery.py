"""Recovery of a restored database, without a chain: tags are not given twice, and what was erased is erased again."""

from __future__ import annotations

import shutil
from pathlib import Path

from ledger.store.sql import SqlLogReader
from node.adapters.database.engines import Durability, open_sqlite
from node.adapters.database.records.reader import SqlRecordsReader
from node.bootstrap.maintenance import recover_node
from node.domain.receipt import Outcome
from node.services.records.recovery import RecoveryReport
from node.wire.leaf import parse_leaf
from tests.unit.services_records.test_tags import keys_of_patient, probe, register, submit
from tests.unit.services_records.world import HOSPITAL, World, report


def keep(world: World, target: Path) -> Path:
    """Copy the stopped node's records."""
    target.mkdir()
    for path in world.directory.glob("records.db*"):
        shutil.copyfile(path, target / path.name)
    return target


def restore(world: World, source: Path) -> None:
    for path in world.directory.glob("records.db*"):
        path.unlink()
    for path in source.glob("records.db*"):
        shutil.copyfile(path, world.directory / path.name)


def recover(world: World, newer: Path) -> RecoveryReport:
    origin = next(one.origin for one in world.settings.institutions if one.id == HOSPITAL)
    engine = open_sqlite(newer / "records.db", Durability.FULL, writer=False)
    pages = SqlRecordsReader(engine).headers(origin, 0, 1000)  # type: ignore[arg-type]
    headers = {index: header for index, header in pages if header is not None}
    done = recover_node(world.settings, HOSPITAL, SqlLogReader(engine, origin), headers)
    engine.dispose()
    return done


def test_what_was_erased_after_the_backup_is_erased_again(world: World, tmp_path: Path) -> None:
    erased, kept = world.receipt(report("1")), world.receipt(report("2"))
    world.wait_logged(kept)
    world.stop()
    backup = keep(world, tmp_path / "backup")
    world.start()
    world.running.node.erasure.erase(HOSPITAL, erased.record_id)
    world.wait_logged(world.receipt(report("3")))
    world.stop()
    newer = keep(world, tmp_path / "newer")
    restore(world, backup)

    assert recover(world, newer).new_size == 4
    world.start()
    assert world.receipt(report("1")).outcome is Outcome.ERASED
    assert world.receipt(report("2")).outcome is Outcome.SAME
    assert world.rows("SELECT count(*) FROM bodies WHERE leaf_index = 0") == [(0,)]
    assert world.rows("SELECT count(*) FROM headers WHERE leaf_index = 0") == [(0,)]
    assert world.rows("SELECT secret_id FROM entries WHERE leaf_index = 0") == [(None,)]


def test_tags_that_were_lost_are_not_given_again(world: World, tmp_path: Path) -> None:
    keys = keys_of_patient()
    register(world, keys)
    places = submit(world, "1", "2")
    world.wait_logged(world.receipt(report("x", patient="1")))
    world.stop()
    backup = keep(world, tmp_path / "backup")
    world.start()
    places += submit(world, "3", "4")
    world.wait_logged(world.receipt(report("y", patient="1")))
    world.stop()
    newer = keep(world, tmp_path / "newer")
    restore(world, backup)

    done = recover(world, newer)
    assert (done.old_size, done.new_size, done.records) == (3, 6, 3)
    world.start()
    places += submit(world, "5")
    assert probe(world, keys) == places
    leaves = world.leaves()
    assert len({parse_leaf(leaf).tag for leaf in leaves}) == len(leaves)
