"""Documents that members publish: the sample documents in other versions, a regulator among the two nodes' institutions."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from node.domain.entry import EntryType, InstitutionId, Origin
from node.domain.recognition import DocumentDigest
from node.services.catalogue.adoption import AdoptionStatus
from node.services.catalogue.publishing import Publication
from node.services.records.public_entries import stage_public
from node.services.surface.catalogue import Catalogue
from node.terminology.bundle import Document
from node.wire.catalogue.documents import PACKAGED_CATALOGUE, PACKAGED_MAPS, digest_of, encode_document, parse_document
from node.wire.catalogue.entry import document_entry
from tests.unit.members.neighbourhood import OTHER, Neighbourhood
from tests.unit.members.patients import eventually
from tests.unit.services_records.world import CLINIC, HOSPITAL, World

REGULATOR = CLINIC
"""Hosted by hospital-a's node: the role is what makes it a regulator."""
SHARED = ("catalogue", "regions", "institutions", "prices", "certificates")


def sample(name: str) -> Document:
    """Return a sample document: of a kind, or the map of an institution."""
    folder = PACKAGED_CATALOGUE if (PACKAGED_CATALOGUE / f"{name}.json").exists() else PACKAGED_MAPS
    return parse_document((folder / f"{name}.json").read_bytes())


def version(document: Document, serial: int) -> bytes:
    """Return a document's bytes in a version."""
    return encode_document(replace(document, head=replace(document.head, name="test", serial=serial, sample=False)))


def catalogue(world: World) -> Catalogue:
    found = world.running.node.catalogue
    assert found is not None
    return found


def make_regulator(neighbours: Neighbourhood, institution: InstitutionId = REGULATOR) -> None:
    neighbours.change(institution, lambda member: replace(member, roles=("regulator",)))
    neighbours.trust(institution, "regulator")


def publish(neighbours: Neighbourhood, data: bytes, institution: InstitutionId = REGULATOR) -> Publication:
    world = neighbours.there if institution == OTHER else neighbours.here
    return catalogue(world).publishing.publish(institution, data)


def slip_in(neighbours: Neighbourhood, data: bytes, institution: InstitutionId) -> tuple[Origin, int]:
    """Let an institution of the first node put a document into its log, whatever the node would say to that."""
    world = neighbours.here
    origin = world.origin(institution)
    now_ms = int(neighbours.clock.now().timestamp() * 1000)
    entry = document_entry(origin, data, now_ms, os.urandom)
    writer = world.running.sharing.writer
    index = writer.submit(lambda tx: stage_public(tx, institution, origin, EntryType.CATALOGUE, [entry], now_ms)).result()
    world.running.sequencing.staged(origin)
    return origin, index


def publish_all(neighbours: Neighbourhood, serial: int = 2) -> dict[str, DocumentDigest]:
    """Let the regulator publish the shared documents, and both hospitals their maps; wait until both nodes hold them."""
    documents = {name: version(sample(name), serial) for name in (*SHARED, HOSPITAL, OTHER)}
    for name, data in documents.items():
        publish(neighbours, data, InstitutionId(name) if name in (HOSPITAL, OTHER) else REGULATOR)
    digests = {name: digest_of(data) for name, data in documents.items()}
    for world in (neighbours.here, neighbours.there):
        settle(neighbours, world, lambda status: {pin.digest for pin in status.pins} == set(digests.values()))
    return digests


def settle(neighbours: Neighbourhood, world: World, holds: Callable[[AdoptionStatus], bool]) -> AdoptionStatus:
    """Let a node follow and judge until its status holds."""
    adoption = catalogue(world).adoption

    def look() -> bool:
        world.follow(*(Origin(each.origin) for each in neighbours.registry[-1].origins))
        adoption.step()
        return holds(adoption.status())

    eventually(look, "what holds did not change")
    return adoption.status()


def settle_entry(world: World, place: tuple[Origin, int]) -> None:
    """Let a node follow and judge until it has looked at an entry."""

    def looked() -> bool:
        world.follow(place[0])
        catalogue(world).adoption.step()
        query = "select next_index from catalogue_cursors where origin = ?"
        return any(row[0] > place[1] for row in world.rows(query, place[0]))

    eventually(looked, "the entry was not looked at")
