"""Probes lose no entry: to a tombstone, a restart, a restored backup, concurrent writers or a registration that comes late."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from node.domain.entry import Level, RecordId
from node.domain.patient import PatientKeys
from node.identity.codes import draw_seed, exchange_private_key, keys_of_seed
from node.services.patients.index import Registration
from node.wire.leaf import parse_leaf
from node.wire.locator import ORDINARY, PRIVATE, locator_tag, pairwise_key
from tests.unit.services_entries.test_acts import ENTRY, stage
from tests.unit.services_records.test_labels import labelled
from tests.unit.services_records.test_recovery import keep, recover, restore
from tests.unit.services_records.test_tags import NUMBER
from tests.unit.services_records.world import HOSPITAL, LOCATOR_SECRETS, World, make_world, report

classes = st.sampled_from([ORDINARY, PRIVATE])


class Probes(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.world: World = make_world(self.directory / "n").start()
        self.seed = draw_seed()
        self.keys: PatientKeys = keys_of_seed(self.seed, LOCATOR_SECRETS, provisional=False)
        self.register()
        self.expected = {ORDINARY: 0, PRIVATE: 0}
        self.submitted = 0
        self.erasable: list[RecordId] = []
        self.backup: Path | None = None

    def teardown(self) -> None:
        self.world.stop()
        shutil.rmtree(self.directory)

    def register(self) -> None:
        self.world.running.node.patients.register(HOSPITAL, Registration(NUMBER, self.keys))

    def document(self, tag_class: int) -> dict[str, object]:
        self.submitted += 1
        self.expected[tag_class] += 1
        return labelled(str(self.submitted)) if tag_class == PRIVATE else report(str(self.submitted))

    @rule(tag_class=classes)
    def submit(self, tag_class: int) -> None:
        self.erasable.append(self.world.receipt(self.document(tag_class)).record_id)

    @rule(count=st.integers(1, 3))
    def log_receipts(self, count: int) -> None:
        stage(self.world, *[replace(ENTRY, patient=self.keys)] * count)
        self.expected[PRIVATE] += count

    @rule(chosen=st.lists(classes, min_size=2, max_size=6))
    def write_concurrently(self, chosen: list[int]) -> None:
        futures = [self.world.send(self.document(tag_class)) for tag_class in chosen]
        self.log_receipts(1)
        for future in futures:
            future.result(30)

    @precondition(lambda self: self.erasable)
    @rule(data=st.data())
    def erase(self, data: st.DataObject) -> None:
        at = data.draw(st.integers(0, len(self.erasable) - 1))
        self.world.running.node.erasure.erase(HOSPITAL, self.erasable.pop(at))

    @rule()
    def restart(self) -> None:
        self.world.restart()

    @precondition(lambda self: self.backup is None and any(self.expected.values()))
    @rule()
    def back_up(self) -> None:
        self.logged()
        self.world.stop()
        self.backup = keep(self.world, self.directory / "backup")
        self.world.start()

    @precondition(lambda self: self.backup is not None)
    @rule(registered_late=st.booleans())
    def restore_and_recover(self, *, registered_late: bool) -> None:
        assert self.backup is not None
        self.logged()
        self.world.stop()
        newer = keep(self.world, self.directory / "newer")
        restore(self.world, self.backup)
        if registered_late:
            # the backup was made before anybody registered this patient
            self.world.rows("DELETE FROM patients")
            self.world.rows("DELETE FROM locator_counters")
        recover(self.world, newer)
        for copy in (newer, self.backup):
            shutil.rmtree(copy)
        self.backup = None
        # records whose keys were not there could not be joined: they cannot be named for an erasure any more
        self.erasable.clear()
        self.world.start()
        self.register()

    def logged(self) -> None:
        """Wait until everything that was staged is in the log."""
        origin = self.world.origin()
        count = self.world.running.node.reader.entry_count(origin)
        if count:
            self.world.running.sequencing.staged(origin)
            self.world.running.node.progress.reached(origin, count - 1, Level.LOGGED).result(30)

    @invariant()
    def every_entry_is_found_and_no_tag_is_given_twice(self) -> None:
        self.logged()
        origin = self.world.origin()
        tags = [parse_leaf(leaf).tag for leaf in self.world.leaves()]
        assert len(set(tags)) == len(tags)
        identity = self.world.running.sharing.identities[HOSPITAL]
        pairwise = pairwise_key(exchange_private_key(self.seed), identity.exchange_public_key)
        for tag_class, key in ((ORDINARY, self.keys.epoch_keys[1]), (PRIVATE, pairwise)):
            found = 0
            while locator_tag(key, origin, tag_class, found) in set(tags):
                found += 1
            assert found == self.expected[tag_class]


@pytest.mark.slow
class TestProbes(Probes.TestCase):  # type: ignore[misc,valid-type]  # Hypothesis makes it
    settings = settings(max_examples=6, stateful_step_count=14, deadline=None)
