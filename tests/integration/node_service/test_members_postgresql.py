"""Two members whose databases are PostgreSQL's: what they say to each other, find, retrieve, check and decide is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from node.adapters.database import schema
from node.adapters.database.engines import Durability
from tests.integration.ledger_log.test_postgresql import server_url
from tests.unit.members import test_durable_order as durable_order
from tests.unit.members import test_notices as notices
from tests.unit.members import test_outbox as outbox
from tests.unit.members import test_publication as publication
from tests.unit.members import test_recall_criteria as recall_criteria
from tests.unit.members import test_recall_search as recall_search
from tests.unit.members import test_recalls as recalls
from tests.unit.members import test_recognition as recognition
from tests.unit.members import test_retrieval as retrieval
from tests.unit.members import test_worklist as worklist
from tests.unit.members.conftest import QUIET
from tests.unit.members.neighbourhood import Neighbourhood, honest, make_neighbourhood
from tests.unit.members.notices import patient_alone
from tests.unit.members.patients import Patient, leave_nothing_open
from tests.unit.services_records.world import World

__all__ = ["server_url"]
pytestmark = [pytest.mark.slow, pytest.mark.network]

OF_A_PATIENT = [
    durable_order.test_a_replay_is_refused_before_anything_is_looked_at_and_logged_nowhere,
    durable_order.test_what_is_refused_without_a_receipt_uses_its_nonce_up_all_the_same,
    durable_order.test_a_holder_that_hangs_holds_up_no_other_and_is_waited_for_in_no_thread,
    retrieval.test_a_report_is_found_retrieved_verified_and_logged_on_both_sides,
    retrieval.test_a_revocation_stops_the_next_request,
    retrieval.test_another_patients_consent_opens_nothing_and_tells_nothing,
    retrieval.test_what_is_forgotten_is_gone_and_its_receipts_stay,
    recognition.test_an_amendment_is_offered_in_place_of_what_it_replaces,
    recognition.test_the_issuer_is_told_of_a_decision_and_of_its_reversal,
    recognition.test_a_reversal_supersedes_and_the_line_can_be_decided_again,
]
OF_NEW_NODES = [
    recognition.test_one_leaf_for_patient_clinician_and_hour_when_the_hour_has_ended,
    outbox.test_an_acknowledgement_that_is_lost_lets_nothing_be_done_twice,
    publication.test_the_same_bytes_are_one_publication_and_a_version_says_one_thing,
    publication.test_what_somebody_else_put_into_a_log_counts_nowhere_until_the_consortium_makes_it_a_regulator,
    publication.test_what_held_stays_when_its_publisher_no_longer_counts_and_over_a_start,
    worklist.test_what_is_filed_found_and_ordered_is_counted,
]

OF_A_PATIENT_ALONE = [
    notices.test_an_amendment_is_told_to_who_recognised_and_acknowledged_by_a_person_there,
    notices.test_who_only_retrieved_and_who_only_told_of_a_decision_are_told_and_nobody_else,
    notices.test_who_retrieves_what_was_amended_before_is_told_with_the_answer,
    notices.test_overdue_notices_are_counted_and_raise_an_alarm_once,
    recalls.test_a_recall_of_a_lot_is_published_and_told_and_nothing_of_it_is_recognised,
    recalls.test_a_recall_that_is_sent_again_is_one_recall,
    recall_search.test_what_is_filed_later_is_recalled_listed_and_told,
    recalls.test_a_lifted_recall_is_told_to_whoever_was_told_and_its_results_count_again,
    recall_criteria.test_a_sensitive_record_and_one_of_a_patient_with_a_new_code_are_found,
]


@pytest.fixture(scope="module")
def databases(server_url: sa.URL) -> Iterator[None]:
    """Give each file of a node a database of its own on the server; the file that is left in its place says that it is there."""
    opened: list[sa.Engine] = []

    def open_postgresql(path: Path, _durability: Durability, *, writer: bool, shred: bool = False) -> sa.Engine:
        del shred
        url = server_url.set(database=_name(path))
        if not path.exists():
            server = sa.create_engine(server_url, isolation_level="AUTOCOMMIT")
            with server.connect() as connection:
                connection.execute(sa.text(f"create database {url.database}"))
            server.dispose()
            path.touch()
        opened.append(sa.create_engine(url, pool_size=1 if writer else 8, max_overflow=0))
        return opened[-1]

    def rows(world: World, query: str, *values: object, database: str = "records.db") -> list[tuple[Any, ...]]:
        engine = sa.create_engine(server_url.set(database=_name(world.directory / database)))
        with engine.begin() as connection:
            result = connection.exec_driver_sql(query.replace("?", "%s"), values)
            found = [tuple(row) for row in result] if result.returns_rows else []
        engine.dispose()
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "open_sqlite", open_postgresql)
        patch.setattr(World, "rows", rows)
        yield
    for engine in opened:
        engine.dispose()


@pytest.fixture(scope="module")
def town(databases: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbourhood]:
    del databases
    made = make_neighbourhood(tmp_path_factory.mktemp("town"), QUIET).start()
    yield made
    made.stop()


@pytest.mark.parametrize("case", OF_A_PATIENT, ids=lambda case: case.__name__)
def test_of_a_patient(case: Callable[[Patient], None], town: Neighbourhood) -> None:
    town.network.meddle = honest
    case(Patient(town))
    leave_nothing_open(town)


@pytest.mark.parametrize("case", OF_NEW_NODES, ids=lambda case: case.__name__)
def test_of_new_nodes(case: Callable[[Neighbourhood], None], databases: None, tmp_path: Path) -> None:
    del databases
    made = make_neighbourhood(tmp_path, QUIET).start()
    try:
        case(made)
    finally:
        made.stop()


@pytest.mark.parametrize("case", OF_A_PATIENT_ALONE, ids=lambda case: case.__name__)
def test_of_a_patient_alone(case: Callable[[Patient], None], databases: None, tmp_path: Path) -> None:
    del databases
    made = make_neighbourhood(tmp_path, QUIET).start()
    try:
        case(patient_alone(made))
    finally:
        made.stop()


def _name(path: Path) -> str:
    return "node_" + sha256(str(path.resolve()).encode()).hexdigest()[:32]
