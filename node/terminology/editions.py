"""Which of the published documents hold: the newest of each kind, as a set that is complete and does not contradict itself.

A function of what was published, whatever the order in which it was heard of: nodes that follow the same logs hold the same
documents. Where the newest shared documents contradict each other, those hold that did before, with what contradicts none of
them. A map is its institution's own business: the newest holds, rows of it that lead nowhere count as unmapped, and nobody
else is held up by them. Left out: who is who (`node.services.catalogue.publishers`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from node.domain.entry import InstitutionId
from node.domain.recognition import Pin
from node.terminology.bundle import Document, Terminology
from node.terminology.consistency import Inconsistency, inconsistencies
from node.terminology.maps import InstitutionMap
from node.terminology.regions import InstitutionTable

SHARED_KINDS: Final = ("catalogue", "regions", "institutions", "prices", "certificates")
"""Documents of which there is one for all; each is a field of `Terminology`."""
REGULATOR: Final = "regulator"
"""The role whose holders publish them."""


@dataclass(frozen=True, slots=True)
class Edition:
    """A version of a document, as it was published."""

    pin: Pin
    """Kind, subject and digest."""
    serial: int
    """Its version."""
    published: tuple[int, str, int]
    """Claimed time (unix ms), log and leaf index: the order of publications, the same for everybody."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What holds of a number of editions."""

    documents: Terminology | None
    """The set; None where none is complete and free of contradictions."""
    missing: tuple[str, ...]
    """Shared kinds of which nothing was published."""
    held_back: tuple[Pin, ...]
    """Newest shared documents that do not hold, since they contradict the others."""
    contradictions: tuple[Inconsistency, ...]
    """What they contradict."""


def publication_refusal(kind: str, subject: str, publisher: InstitutionId, roles: Iterable[str]) -> str | None:
    """Say why an institution may not publish a document; None where it may.

    Args:
        kind: The document's kind.
        subject: Whose it is: an institution for maps, else empty.
        publisher: In whose log it stands.
        roles: The publisher's roles in the consortium.
    """
    if kind in SHARED_KINDS:
        held = tuple(roles)
        return None if REGULATOR in held else f"{kind} is published by members with the role {REGULATOR}, not by {publisher}"
    return None if subject == publisher else f"the map of {subject} is published by {subject} alone, not by {publisher}"


def hold(editions: Iterable[Edition], read: Callable[[Pin], Document]) -> Holding:
    """Choose what holds.

    Of one document the greatest serial counts; of two texts with one serial the one that was published first.

    Args:
        editions: What was published by whom it may be published, in any order.
        read: Returns the document of a pin; old versions are seldom asked for.
    """
    ordered = sorted(editions, key=lambda each: each.published)
    shared = [each for each in ordered if each.pin.kind in SHARED_KINDS]
    newest = _newest(shared)
    contradictions = _contradictions(newest, read)
    chosen = _without_contradictions(shared, read) if contradictions else newest
    held = {edition.pin for edition in chosen.values()}
    maps = _newest(each for each in ordered if each.pin.kind not in SHARED_KINDS)
    return Holding(
        documents=_together(chosen, maps, read) if _is_complete(chosen) else None,
        missing=tuple(kind for kind in SHARED_KINDS if (kind, "") not in newest),
        held_back=tuple(each.pin for _, each in sorted(newest.items()) if contradictions and each.pin not in held),
        contradictions=contradictions,
    )


_Chosen = Mapping[tuple[str, str], Edition]


def _without_contradictions(shared: Sequence[Edition], read: Callable[[Pin], Document]) -> _Chosen:
    """Return what held before the contradiction, with each later document that contradicts nothing of it by itself.

    Documents that change together are published one after the other: as soon as all are there, the newest hold.
    """
    good = len(shared) - 1
    while _contradictions(_newest(shared[:good]), read):
        good -= 1
    chosen = _newest(shared[:good])
    for edition in shared[good:]:
        candidate = _newest((*chosen.values(), edition))
        if not _contradictions(candidate, read):
            chosen = candidate
    return chosen


def _newest(editions: Iterable[Edition]) -> _Chosen:
    """Return the newest of each document, by kind and subject; the editions come in the order of their publication."""
    found: dict[tuple[str, str], Edition] = {}
    for edition in editions:
        key = (edition.pin.kind, edition.pin.subject)
        if key not in found or edition.serial > found[key].serial:
            found[key] = edition
    return found


def _is_complete(chosen: _Chosen) -> bool:
    return all((kind, "") in chosen for kind in SHARED_KINDS)


def _contradictions(chosen: _Chosen, read: Callable[[Pin], Document]) -> tuple[Inconsistency, ...]:
    return inconsistencies(_together(chosen, {}, read)) if _is_complete(chosen) else ()


def _together(shared: _Chosen, maps: _Chosen, read: Callable[[Pin], Document]) -> Terminology:
    """Put a complete set together; maps of institutions that the table does not have are left out."""
    documents = {kind: read(shared[kind, ""].pin) for kind in SHARED_KINDS}
    institutions = documents["institutions"]
    known = {str(each.institution) for each in institutions.institutions} if isinstance(institutions, InstitutionTable) else set()
    pins = [each.pin for each in maps.values() if each.pin.subject in known]
    held = {InstitutionId(pin.subject): read(pin) for pin in pins}
    pins += [each.pin for each in shared.values()]
    return Terminology(
        **documents,  # type: ignore[arg-type]  # by kind
        maps={institution: document for institution, document in held.items() if isinstance(document, InstitutionMap)},
        pins=tuple(sorted(pins, key=lambda pin: (pin.kind, pin.subject))),
    )
