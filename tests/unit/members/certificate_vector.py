"""What the committed vector of decision certificates was made by: a decision by small documents, taken back, its result corrected.

Keys, salts and times of a world differ every time, so that the file is written once; the tests compare what it says with what
a certificate that is made now says. `python -m pytest tests/conformance/decision_certificate --basetemp DIRECTORY` leaves one
below that directory.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from node.domain.entry import InstitutionId, Origin
from node.domain.recognition import ItemCode
from node.recognition.decision import Recognise
from node.terminology.bundle import Document
from node.terminology.catalogue import Catalogue
from node.terminology.maps import InstitutionMap
from node.terminology.marks import CertificateList
from node.terminology.prices import PriceList
from node.wire.catalogue.documents import digest_of, encode_document, parse_document
from node.wire.certificate.file import DecisionCertificate
from tests.unit.members.certificates import correct, end_hour, export, is_complete, take_back
from tests.unit.members.neighbourhood import OTHER, Neighbourhood, make_neighbourhood
from tests.unit.members.orders import ELECTROLYTES, check, decide, file_electrolytes
from tests.unit.members.patients import Patient, eventually
from tests.unit.members.publications import REGULATOR, catalogue, make_regulator, publish
from tests.unit.members.test_recognition_documents import copy_documents
from tests.unit.services_records.world import HOSPITAL

_ITEMS: Final = (ItemCode("LAB-K"), ItemCode("LAB-NA"))


def small(document: Document) -> Document:
    """Leave of a document what concerns electrolytes of two items, at two hospitals."""
    match document:
        case Catalogue():
            return replace(document, items=tuple(item for item in document.items if item.code in _ITEMS))
        case CertificateList():
            kept = (
                each for each in document.certificates if each.item in _ITEMS and each.institution in ("hospital-a", "hospital-b")
            )
            return replace(document, certificates=tuple(kept))
        case PriceList():
            return replace(document, prices=tuple(each for each in document.prices if each.charge == ELECTROLYTES))
        case InstitutionMap():
            orderables = (replace(each, items=_ITEMS) for each in document.orderables if each.code == ELECTROLYTES)
            results = (row for row in document.results if row.item in _ITEMS)
            return replace(document, results=tuple(results), orderables=tuple(orderables))
        case _:
            return document


def make_small_neighbourhood(directory: Path) -> Neighbourhood:
    """Create two nodes, not started yet; hospital-b's has the small documents."""
    neighbours = make_neighbourhood(directory, {"outbox_interval_s": 3600.0})
    folder = copy_documents(neighbours.there)
    for name in ("hospital-c.json", "hospital-d.json"):
        (folder / name).unlink()
    for file in folder.glob("*.json"):
        file.write_bytes(encode_document(small(parse_document(file.read_bytes()))))
    return neighbours


def publish_small(neighbours: Neighbourhood) -> None:
    """Publish the small documents, each by whom it may be, and let hospital-b's node learn where they stand."""
    make_regulator(neighbours)
    files = sorted((neighbours.there.directory / "documents").glob("*.json"))
    digests = set()
    for file in files:
        data = file.read_bytes()
        publish(neighbours, data, InstitutionId(file.stem) if file.stem in (HOSPITAL, OTHER) else REGULATOR)
        digests.add(digest_of(data))
    found = catalogue(neighbours.there)

    def are_known() -> bool:
        neighbours.there.follow(*(Origin(each.origin) for each in neighbours.registry[-1].origins))
        found.adoption.step()
        documents = [found.documents.by_digest(digest) for digest in digests]
        return all(each is not None and each.known.place is not None for each in documents)

    eventually(are_known, "hospital-b does not learn where the documents stand")


def make_certificate(neighbours: Neighbourhood) -> DecisionCertificate:
    """Let hospital-b recognise a result of hospital-a beside a preliminary one, and export when all of it is over.

    The documents are published before, in three logs.
    """
    publish_small(neighbours)
    patient = Patient(neighbours)
    file_electrolytes(patient, status="preliminary")
    file_electrolytes(patient)
    answer = check(patient)
    patient.retrieve(patient.grant())
    (offer,) = answer.outcome.lines[0].offers
    decided = decide(patient, answer, Recognise((offer.leaf,)))
    neighbours.clock.advance(minutes=10)
    correct(patient, at=1)
    take_back(patient, decided)
    end_hour(neighbours)
    return export(neighbours, decided.decision_id, is_complete)
