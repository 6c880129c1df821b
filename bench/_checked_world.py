"""What is asked and known where checks are measured: institutions, their documents, and the results of the patients."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench._grown_index import Patient
from node.domain.entry import InstitutionId, Origin, RecordId, Version
from node.domain.header import HeaderContent, PartSummary
from node.domain.recognition import CertificateId, RegionCode
from node.domain.record import Item, Kind, RecordStatus
from node.terminology.bundle import Document, Terminology
from node.terminology.maps import LOINC
from node.wire.catalogue.documents import PACKAGED_CATALOGUE, PACKAGED_MAPS, encode_document, load_terminology

ORDERED = ("ELECTRO", "RENAL", "LIPID", "THYROID", "I-CT-HEAD")
"""What is ordered of each patient."""
PANELS = ("ELECTRO", "RENAL", "LIPID", "LIVER")
"""What the patients' results are."""
DAY_MS = 86_400_000


def institution_of(number: int) -> InstitutionId:
    """Name an institution; the first is the node's."""
    return InstitutionId(f"hospital-{number:03}")


def origin_of(number: int) -> Origin:
    """Name its log."""
    return Origin(f"{institution_of(number)}.example/log")


def documents(logs: int) -> Terminology:
    """Return the sample documents as if there were so many institutions like the second one."""
    folders = (PACKAGED_CATALOGUE, PACKAGED_MAPS)
    sample = load_terminology(file.read_bytes() for folder in folders for file in sorted(folder.glob("*.json")))
    model = InstitutionId("hospital-b")
    profile, mapping = sample.institutions.by_id()[model], sample.maps[model]
    everybody = [institution_of(number) for number in range(logs)]
    held = [each for each in sample.certificates.certificates if each.institution == model]
    # one mark for each item, of the whole country, is what most have
    marks = {each.item: replace(each, scope=RegionCode("CN")) for each in held}.values()
    certificates = tuple(
        replace(each, certificate=CertificateId(f"{who}-{each.item}"), institution=who) for who in everybody for each in marks
    )
    return replace(
        sample,
        institutions=replace(sample.institutions, institutions=tuple(replace(profile, institution=each) for each in everybody)),
        certificates=replace(sample.certificates, certificates=certificates),
        maps={each: replace(mapping, institution=each) for each in everybody},
    )


def write_documents(folder: Path, terminology: Terminology) -> None:
    """Write documents where `recognition.directory` looks for them."""
    folder.mkdir(parents=True)
    given: list[Document] = [terminology.catalogue, terminology.regions, terminology.institutions, terminology.prices]
    given += [terminology.certificates, *terminology.maps.values()]
    for number, document in enumerate(given):
        (folder / f"{number:04}.json").write_bytes(encode_document(document))


class Results:
    """What the patients' headers say."""

    def __init__(self, terminology: Terminology) -> None:
        self._now_ms = int(datetime.now(UTC).timestamp() * 1000)
        items = terminology.catalogue.by_code()
        panels = {each.code: each.items for each in next(iter(terminology.maps.values())).orderables}
        self._coded = {panel: tuple(_item(items[code]) for code in panels[panel]) for panel in PANELS}

    def content(self, patient: Patient, entry: int) -> HeaderContent:
        """Return what one of a patient's entries says: panel after panel, one of them from long ago."""
        days = 400 if entry == len(PANELS) else 2 + entry
        return HeaderContent(
            kind=Kind("exam-result"),
            record_id=RecordId(f"record-{patient.number}-{entry}"),
            version=Version(1),
            status=RecordStatus("final"),
            performed_at_ms=self._now_ms - days * DAY_MS,
            items=self._coded[PANELS[entry % len(PANELS)]],
            study="",
            parts=(PartSummary("application/fhir+json", "report", 900),),
            supersedes=None,
        )


def _item(item: Any) -> Item:  # noqa: ANN401 - a catalogue item
    return Item(LOINC, item.loinc[0], item.specimen, item.unit)
