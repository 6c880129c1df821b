"""Results as an institution's system sends them: FHIR JSON, built from what the model says was examined.

Laboratory results have an observation for each item; images come as a `Media` of the report, so that one document is one
entry. Values are the same for everybody but change with the version: nothing here depends on them. Some laboratory reports name the
analyser and the lot of the reagent, as recalls do.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import msgspec

from devnet.simulation.happenings import PersonNumber, VersionMade
from devnet.simulation.region import Region
from node.domain.recognition import ItemCode
from node.domain.record import PatientNumber
from node.terminology.catalogue import CatalogueItem, ItemClass

RECORD_SYSTEM: Final = "urn:simulated:result"
PATIENT_SYSTEM: Final = "urn:simulated:patient"
DEVICE_SYSTEM: Final = "urn:simulated:device"
_VALUE: Final = 0.5
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

    def document(self, version: VersionMade) -> bytes:
        """Write a version of a result."""
        result = version.result
        at, issued = self._civil(result.at_ms), self._civil(version.at_ms)
        first = self._items[result.items[0]]
        is_image = first.item_class is ItemClass.IMAGING
        report: Json = {
            "resourceType": "DiagnosticReport",
            "id": "r",
            "identifier": [{"system": RECORD_SYSTEM, "value": f"R{result.number}"}],
            "status": version.status.value,
            "code": _coded(first.loinc[0] if is_image else _PANEL),
            "subject": {"reference": "Patient/p"},
            "effectiveDateTime": at,
            "issued": issued,
            "performer": [{"display": "simulated"}],
        }
        parts = [self._image(report, version)] if is_image else self._observations(report, version)
        person = patient_number(result.person)
        patient = {"resourceType": "Patient", "id": "p", "identifier": [{"system": person.system, "value": person.value}]}
        entries = [{"resource": each} for each in (report, *parts, patient)]
        return msgspec.json.encode({"resourceType": "Bundle", "type": "collection", "entry": entries})

    def _civil(self, at_ms: int) -> str:
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self._zone).isoformat(timespec="milliseconds")

    def _observations(self, report: Json, version: VersionMade) -> list[Json]:
        result = version.result
        report["result"] = [{"reference": f"Observation/o{at}"} for at in range(len(result.items))]
        observations: list[Json] = [
            {
                "resourceType": "Observation",
                "id": f"o{at}",
                "status": "final",
                "code": _coded(self._items[item].loinc[0]),
                "subject": {"reference": "Patient/p"},
                "valueQuantity": {"value": _VALUE + version.version, "code": self._items[item].unit},
            }
            for at, item in enumerate(result.items)
        ]
        if not version.lot:
            return observations
        observations[0]["device"] = {"reference": "Device/d"}
        named = {"identifier": [{"system": DEVICE_SYSTEM, "value": result.device}], "lotNumber": version.lot}
        return [*observations, {"resourceType": "Device", "id": "d", **named}]

    def _image(self, report: Json, version: VersionMade) -> Json:
        report["media"] = [{"link": {"reference": "Media/m"}}]
        content = {"title": f"simulated {version.version}"}
        return {"resourceType": "Media", "id": "m", "status": "completed", "content": content}


def _coded(code: str) -> Json:
    return {"coding": [{"system": _LOINC, "code": code}]}
