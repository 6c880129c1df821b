"""A regulator publishes documents, hospitals their maps: every node takes them over, and none what somebody else published."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from node.adapters.database.catalogue.publication import SqlPublicationStore
from node.domain.recognition import Reason
from node.errors import MalformedCatalogueError, NotPublisherError, SerialTakenError, StaleCheckError, UnknownFormatError
from node.recognition.decision import Reorder
from node.services.catalogue.adoption import DocumentAdoption, DocumentSource
from node.terminology.catalogue import Catalogue
from node.terminology.prices import PriceList
from node.wire.catalogue.documents import digest_of
from tests.unit.members.neighbourhood import OTHER, Neighbourhood
from tests.unit.members.orders import LIVER, check, decide, file_electrolytes, recognition
from tests.unit.members.patients import Patient
from tests.unit.members.publications import (
    REGULATOR,
    SHARED,
    catalogue,
    make_regulator,
    publish,
    publish_all,
    sample,
    settle,
    settle_entry,
    slip_in,
    version,
)
from tests.unit.services_records.world import HOSPITAL

FORGET = (
    "delete from catalogue_documents",
    "delete from catalogue_places",
    "delete from catalogue_cursors",
    "delete from catalogue_waiting",
)
"""What a node knows of documents that were published."""


def dearer(serial: int, by_fen: int = 100) -> bytes:
    prices = sample("prices")
    assert isinstance(prices, PriceList)
    return version(
        replace(prices, prices=tuple(replace(each, price_fen=each.price_fen + by_fen) for each in prices.prices)), serial
    )


def nowhere(serial: int) -> bytes:
    """Return a catalogue whose first item has no window anywhere."""
    found = sample("catalogue")
    assert isinstance(found, Catalogue)
    return version(replace(found, items=(replace(found.items[0], windows={}), *found.items[1:])), serial)


def test_what_a_regulator_publishes_changes_the_answers_of_every_node(neighbours: Neighbourhood) -> None:
    make_regulator(neighbours)
    patient = Patient(neighbours)
    file_electrolytes(patient)
    before = check(patient)
    for world in (neighbours.here, neighbours.there):
        assert catalogue(world).adoption.status().source is DocumentSource.SAMPLE
    publish_all(neighbours)
    stale = check(patient)
    publish(neighbours, dearer(3))
    digest = digest_of(dearer(3))
    settle(neighbours, neighbours.there, lambda status: digest in {pin.digest for pin in status.pins})
    after = check(patient)
    prices = [answer.outcome.lines[0].price_fen for answer in (before, stale, after)]
    assert prices[0] is not None
    assert prices == [prices[0], prices[0], prices[0] + 100]
    for answer in (before, stale):
        with pytest.raises(StaleCheckError):
            decide(patient, answer, Reorder(Reason.EMERGENCY))
    decide(patient, after, Reorder(Reason.EMERGENCY))


def test_a_check_outlives_new_versions_of_documents_that_do_not_concern_it(neighbours: Neighbourhood) -> None:
    make_regulator(neighbours)
    publish_all(neighbours)
    patient = Patient(neighbours)
    file_electrolytes(patient)
    concerned, other = check(patient), check(patient, LIVER, encounter="encounter-2")
    renewed = version(sample(HOSPITAL), 3)
    publish(neighbours, renewed, HOSPITAL)
    settle(neighbours, neighbours.there, lambda status: digest_of(renewed) in {pin.digest for pin in status.pins})
    with pytest.raises(StaleCheckError):
        decide(patient, concerned, Reorder(Reason.EMERGENCY))
    decide(patient, other, Reorder(None))


def test_old_versions_are_had_by_their_digest_and_say_where_they_were_published(neighbours: Neighbourhood) -> None:
    make_regulator(neighbours)
    samples = recognition(neighbours.there).rules.documents.pins
    digests = publish_all(neighbours)
    publish(neighbours, dearer(3))
    settle(neighbours, neighbours.there, lambda status: digest_of(dearer(3)) in {pin.digest for pin in status.pins})
    documents = catalogue(neighbours.there).documents
    old = documents.by_digest(digests["prices"])
    assert old is not None
    assert old.data == version(sample("prices"), 2)
    assert old.known.place is not None
    assert (old.known.place.origin, old.known.place.institution) == (neighbours.here.origin(REGULATOR), REGULATOR)
    listed = {(each.kind, each.subject, each.serial) for each in documents.known()}
    assert {("prices", "", 1), ("prices", "", 2), ("prices", "", 3), ("institution-map", OTHER, 2)} <= listed
    for pin in samples:
        found = documents.by_digest(pin.digest)
        assert found is not None
        assert found.known.place is None


def test_nothing_holds_before_a_set_is_complete(neighbours: Neighbourhood) -> None:
    make_regulator(neighbours)
    for kind in SHARED[:-1]:
        publish(neighbours, version(sample(kind), 2))
    status = settle(neighbours, neighbours.there, lambda status: status.missing == ("certificates",))
    assert status.source is DocumentSource.SAMPLE
    publish(neighbours, version(sample("certificates"), 2))
    status = settle(neighbours, neighbours.there, lambda status: status.source is DocumentSource.PUBLISHED)
    assert status.missing == ()
    # nobody published a map: nobody can order by these documents
    assert {pin.kind for pin in status.pins} == set(SHARED)


def test_what_contradicts_the_others_waits_until_it_is_mended(neighbours: Neighbourhood) -> None:
    make_regulator(neighbours)
    digests = publish_all(neighbours)
    told = publish(neighbours, nowhere(3))
    assert any("no window anywhere" in each for each in told.contradictions)
    publish(neighbours, dearer(3))
    # what contradicts nothing by itself holds all the same
    now = {**digests, "prices": digest_of(dearer(3))}
    status = settle(neighbours, neighbours.there, lambda status: {pin.digest for pin in status.pins} == set(now.values()))
    assert [pin.digest for pin in status.held_back] == [digest_of(nowhere(3))]
    assert any("no window anywhere" in each for each in status.contradictions)
    report = neighbours.there.running.node.status.report().documents
    assert report is not None
    assert (report.source, len(report.held_back)) == ("published", 1)
    publish(neighbours, version(sample("catalogue"), 4))
    settle(neighbours, neighbours.there, lambda status: not status.held_back)


def test_who_may_publish_what(neighbours: Neighbourhood) -> None:
    with pytest.raises(NotPublisherError, match="role regulator"):
        publish(neighbours, dearer(2))
    make_regulator(neighbours)
    for data, institution in ((dearer(2), HOSPITAL), (version(sample(OTHER), 2), HOSPITAL), (version(sample(OTHER), 2), REGULATOR)):
        with pytest.raises(NotPublisherError):
            publish(neighbours, data, institution)
    with pytest.raises(MalformedCatalogueError):
        publish(neighbours, dearer(2)[:-4])
    with pytest.raises(UnknownFormatError):
        publish(neighbours, dearer(2).replace(b"concord/prices", b"concord/praise"))
    neighbours.suspend(REGULATOR)
    with pytest.raises(NotPublisherError, match="suspended"):
        publish(neighbours, dearer(2))
    assert neighbours.here.rows("select count(*) from entries where entry_type = 8") == [(0,)]


def test_the_same_bytes_are_one_publication_and_a_version_says_one_thing(neighbours: Neighbourhood) -> None:
    make_regulator(neighbours)
    first = publish(neighbours, dearer(2))
    again = publish(neighbours, dearer(2))
    assert (first.is_new, again.is_new) == (True, False)
    assert (again.origin, again.leaf_index, again.pin) == (first.origin, first.leaf_index, first.pin)
    for serial in (1, 2):
        with pytest.raises(SerialTakenError):
            publish(neighbours, dearer(serial, by_fen=7))
    third = 3
    publish(neighbours, dearer(third))
    assert publish(neighbours, dearer(2)).leaf_index == first.leaf_index
    make_regulator(neighbours, HOSPITAL)
    adoption = catalogue(neighbours.here).adoption

    def follows_the_third(_: object) -> bool:
        newest = adoption.newest("prices", "")
        return newest is not None and newest.serial == third

    settle(neighbours, neighbours.here, follows_the_third)
    with pytest.raises(SerialTakenError):
        publish(neighbours, dearer(third, by_fen=9), HOSPITAL)


def test_what_somebody_else_put_into_a_log_counts_nowhere_until_the_consortium_makes_it_a_regulator(
    neighbours: Neighbourhood,
) -> None:
    make_regulator(neighbours)
    digests = publish_all(neighbours)
    place = slip_in(neighbours, dearer(9), HOSPITAL)
    foreign = slip_in(neighbours, version(sample(OTHER), 9), HOSPITAL)
    for world in (neighbours.here, neighbours.there):
        for each in (place, foreign):
            settle_entry(world, each)
        assert {pin.digest for pin in catalogue(world).adoption.status().pins} == set(digests.values())
        assert catalogue(world).documents.by_digest(digest_of(dearer(9))) is None
    neighbours.change(HOSPITAL, lambda member: replace(member, roles=("hospital", "regulator")))
    status = settle(neighbours, neighbours.there, lambda status: digest_of(dearer(9)) in {pin.digest for pin in status.pins})
    assert digests[OTHER] in {pin.digest for pin in status.pins}


def test_what_held_stays_when_its_publisher_no_longer_counts_and_over_a_start(neighbours: Neighbourhood) -> None:
    make_regulator(neighbours)
    digests = publish_all(neighbours)
    neighbours.suspend(REGULATOR)
    status = settle(neighbours, neighbours.there, lambda status: status.is_stale)
    assert {pin.digest for pin in status.pins} == set(digests.values())
    neighbours.there.restart()
    status = catalogue(neighbours.there).adoption.status()
    assert status.source is DocumentSource.PUBLISHED
    assert {pin.digest for pin in status.pins} == set(digests.values())


def test_what_is_published_is_gathered_again_from_the_logs(neighbours: Neighbourhood, monkeypatch: pytest.MonkeyPatch) -> None:
    make_regulator(neighbours)
    digests = publish_all(neighbours)
    neighbours.there.stop()
    for statement in FORGET:
        neighbours.there.rows(statement)
    with monkeypatch.context() as held:
        # the loop gathers as soon as the node is there
        held.setattr(DocumentAdoption, "step", lambda _: False)
        neighbours.there.start()
        neighbours.refresh()
        assert catalogue(neighbours.there).adoption.status().source is DocumentSource.SAMPLE
    settle(neighbours, neighbours.there, lambda status: {pin.digest for pin in status.pins} == set(digests.values()))


def test_a_publication_that_was_never_logged_moves_with_its_entry(neighbours: Neighbourhood) -> None:
    store, writer = SqlPublicationStore(sa.create_engine("sqlite://")), neighbours.here.running.sharing.writer
    origin, digest = neighbours.here.origin(), digest_of(b"document")
    writer.submit(lambda tx: store.stage(tx, origin, 5, digest)).result()
    writer.submit(lambda tx: tx.renumber(origin, {5: 9})).result()
    assert writer.submit(lambda tx: store.staged(tx, origin, digest)).result() == 9
