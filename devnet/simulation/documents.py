"""Results as an institution's system sends them: FHIR JSON, built from what the model says was examined.

Laboratory results have an observation for each item; images come as a `Media` of the report, so that one document is one
entry. Values are the same for everybody: nothing here depends on them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import msgspec

from devnet.simulation.happenings import PersonNumber, ResultMade
from devnet.simulation.region import Region
from node.domain.recognition import ItemCode
from node.domain.record import PatientNumber
from node.terminology.catalogue import CatalogueItem, ItemClass

RECORD_SYSTEM: Final = "urn:simulated:result"
PATIENT_SYSTEM: Final = "urn:simulated:patient"
_LOINC: Final = "http://loinc.org"
_PANEL: Final = "24323-8"
"""A code of panels, which names no item and is ignored by every map."""

Json = dict[str, object]


def patient_number(person: PersonNumber) -> PatientNumber:
    """Return a person's number, which is the same at every institution here; nodes keep a keyed hash of it."""
    return PatientNumber(PATIENT_SYSTEM, f"P{person}")


class ResultDocuments:
    """Writes documents of one region."""

    def __init__(self, region: Region) -> None:
        """Prepare what does not change."""
        self._items: dict[ItemCode, CatalogueItem] = {item.code: item for item in region.documents.catalogue.items}
        self._zone = timezone(timedelta(minutes=region.documents.regions.utc_offset_minutes))

    def document(self, result: ResultMade, status: str | None = None) -> bytes:
        """Write a result.

        Args:
            result: What was examined.
            status: Another status than `final` or `preliminary`, such as `entered-in-error`.
        """
        at = datetime.fromtimestamp(result.at_ms / 1000, UTC).astimezone(self._zone).isoformat(timespec="milliseconds")
        first = self._items[result.items[0]]
        is_image = first.item_class is ItemClass.IMAGING
        report: Json = {
            "resourceType": "DiagnosticReport",
            "id": "r",
            "identifier": [{"system": RECORD_SYSTEM, "value": f"R{result.number}"}],
            "status": status or ("preliminary" if result.is_preliminary else "final"),
            "code": _coded(first.loinc[0] if is_image else _PANEL),
            "subject": {"reference": "Patient/p"},
            "effectiveDateTime": at,
            "issued": at,
            "performer": [{"display": "simulated"}],
        }
        parts = [self._image(report)] if is_image else self._observations(report, result)
        person = patient_number(result.person)
        patient = {"resourceType": "Patient", "id": "p", "identifier": [{"system": person.system, "value": person.value}]}
        entries = [{"resource": each} for each in (report, *parts, patient)]
        return msgspec.json.encode({"resourceType": "Bundle", "type": "collection", "entry": entries})

    def _observations(self, report: Json, result: ResultMade) -> list[Json]:
        report["result"] = [{"reference": f"Observation/o{at}"} for at in range(len(result.items))]
        return [
            {
                "resourceType": "Observation",
                "id": f"o{at}",
                "status": "final",
                "code": _coded(self._items[item].loinc[0]),
                "subject": {"reference": "Patient/p"},
                "valueQuantity": {"value": 1.5, "code": self._items[item].unit},
            }
            for at, item in enumerate(result.items)
        ]

    def _image(self, report: Json) -> Json:
        report["media"] = [{"link": {"reference": "Media/m"}}]
        return {"resourceType": "Media", "id": "m", "status": "completed", "content": {"title": "simulated"}}


def _coded(code: str) -> Json:
    return {"coding": [{"system": _LOINC, "code": code}]}
