"""The documents that checks of the demonstration rest on: the node's samples, made for its institutions and for today.

What differs from the samples: the institutions of the devnet; a district whose rule lets a re-order without a reason pass
with a warning; hospital A's own codes; prices and certificates that hold today, whenever that is, but for one certificate
that has ended. Checked by `node.wire.catalogue.documents` when nodes read them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from node.wire.catalogue.documents import PACKAGED_CATALOGUE, PACKAGED_MAPS

LIS: Final = "http://hospital-a.example/lis"
"""The system of hospital A's own codes for what its laboratory measures."""
ITEM_PREFIX: Final = "LAB-"
EXPIRED_ITEM: Final = "LAB-HBA1C"
"""The item for which hospital A's certificate has ended."""
EXPIRED_DAYS: Final = 10
"""How long ago it ended."""

_REGULATOR: Final = "regulator"
_CITY: Final = "CN-4401"
_PROVINCE: Final = "CN-44"
_DISTRICT: Final = "CN-440103"
_HELD_DAYS: Final = 400
_HOLDS_DAYS: Final = 365
_DISTRICT_RULES: Final[Mapping[str, Any]] = {
    "without_reason": "warn",
    "sub_reasons": [
        {"code": "patient-request", "reason": 6, "zh": "患者或家属要求复查", "en": "The patient or the family asks for it"}
    ],
}


@dataclass(frozen=True, slots=True)
class DemoDocument:
    """One of them."""

    publisher: str
    """The institution whose document it is: its map, or the regulator's rules."""
    name: str
    """A name for its file."""
    content: bytes
    """Its exact bytes, by which it is pinned."""


def demo_documents(today: date) -> list[DemoDocument]:
    """Make the documents for a day, in the order in which they are published: the last one completes the set."""
    maps = [_document(institution, f"map-{institution}", content) for institution, content in _maps().items()]
    return [*maps, *(_document(_REGULATOR, kind, content) for kind, content in _shared(today).items())]


def _maps() -> dict[str, dict[str, Any]]:
    of_a, of_b = _sample(PACKAGED_MAPS / "hospital-a.json"), _sample(PACKAGED_MAPS / "hospital-b.json")
    return {"hospital-a": _with_own_codes(of_a), "hospital-b": of_b, "primary-care-a": {**of_b, "institution": "primary-care-a"}}


def _shared(today: date) -> dict[str, dict[str, Any]]:
    kinds = ("catalogue", "regions", "institutions", "prices", "certificates")
    samples = {kind: _sample(PACKAGED_CATALOGUE / f"{kind}.json") for kind in kinds}
    return {
        **samples,
        "regions": _with_district(samples["regions"]),
        "institutions": _with_centre(samples["institutions"]),
        "prices": _valid_prices(samples["prices"], today),
        "certificates": _valid_certificates(samples["certificates"], today),
    }


def _document(publisher: str, name: str, content: dict[str, Any]) -> DemoDocument:
    head = {**content["head"], "name": f"demo-{name}"}
    return DemoDocument(publisher, name, json.dumps({**content, "head": head}, ensure_ascii=False).encode())


def _sample(path: Any) -> dict[str, Any]:  # noqa: ANN401 - a resource of the package
    sample: dict[str, Any] = json.loads(path.read_bytes())
    return sample


def _with_district(sample: dict[str, Any]) -> dict[str, Any]:
    """Add the district of the health centre: what a region says of rules, it says as a whole."""
    district = {"code": _DISTRICT, "label": "穗荔湾", "zh": "广州市荔湾区", "en": "Liwan, Guangzhou", "level": "district"}
    return {**sample, "regions": [*sample["regions"], {**district, "within": [_CITY], "rules": _DISTRICT_RULES}]}


def _with_centre(sample: dict[str, Any]) -> dict[str, Any]:
    hospitals = [each for each in sample["institutions"] if each["institution"] in ("hospital-a", "hospital-b")]
    centre = {"zh": "荔湾社区卫生服务中心", "en": "Liwan Health Centre", "region": _DISTRICT, "institution_class": "1"}
    return {**sample, "institutions": [*hospitals, {"institution": "primary-care-a", **centre}]}


def _valid_prices(sample: dict[str, Any], today: date) -> dict[str, Any]:
    since = (today - timedelta(days=_HELD_DAYS)).isoformat()
    here = [each for each in sample["prices"] if each["region"] in (_PROVINCE, _CITY)]
    return {**sample, "prices": [{**each, "valid_from": since} for each in here]}


def _valid_certificates(sample: dict[str, Any], today: date) -> dict[str, Any]:
    since = (today - timedelta(days=_HELD_DAYS)).isoformat()

    def until(item: str) -> str:
        days = -EXPIRED_DAYS if item == EXPIRED_ITEM else _HOLDS_DAYS
        return (today + timedelta(days=days)).isoformat()

    held = [each for each in sample["certificates"] if each["institution"] == "hospital-a"]
    return {**sample, "certificates": [{**each, "valid_from": since, "valid_to": until(each["item"])} for each in held]}


def _with_own_codes(sample: dict[str, Any]) -> dict[str, Any]:
    """Add hospital A's own codes: the laboratory calls an item as the catalogue does, without the prefix."""
    items = {item for orderable in sample["orderables"] for item in orderable["items"] if item.startswith(ITEM_PREFIX)}
    mapped = {each["item"] for each in sample["results"]}
    own = [{"system": LIS, "code": item.removeprefix(ITEM_PREFIX), "item": item} for item in sorted(items - mapped)]
    return {**sample, "results": [*sample["results"], *own]}
