"""Logs of the two nodes, read again for a certificate of hospital-b as the patient's own tool reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ledger.ports import LogReader
from node.domain.entry import Origin
from node.domain.look_verdict import Account, LookVerdict
from node.services.patient_view.look_again import Look, LookOrder, look_again
from node.wire.certificate.file import DecisionCertificate, encode_certificate
from node.wire.certificate.look_file import encode_look, parse_look
from node.wire.certificate.look_verification import verify_look
from node.wire.patient.entries import AnsweredLog, TagsByLog
from node.wire.patient.file import PatientFile, encode_patient_file
from tests.unit.members.certificates import OWN_LOG, trust_root
from tests.unit.members.neighbourhood import Neighbourhood
from tests.unit.members.patients import Patient

HOLDER_LOG = Origin("hospital-a.example/log")


@dataclass
class Doorway:
    """A `LookGateway` to the nodes of a neighbourhood."""

    neighbours: Neighbourhood
    away: set[Origin] = field(default_factory=set)
    """Logs whose node does not answer."""
    mute: set[Origin] = field(default_factory=set)
    """Logs whose node hands out leaves, and no headers."""
    asked: list[Origin] = field(default_factory=list)
    """Logs that were opened."""

    @contextmanager
    def open_log(self, origin: Origin) -> Iterator[LogReader]:
        self.asked.append(origin)
        if origin in self.away:
            raise ConnectionError(f"{origin} does not answer")
        world = self.neighbours.there if origin == OWN_LOG else self.neighbours.here
        yield world.running.node.reader.log(origin)

    def entries(self, origin: Origin, tags: TagsByLog) -> Mapping[Origin, AnsweredLog]:
        if origin in self.mute:
            raise ConnectionError(f"{origin} does not answer")
        world = self.neighbours.there if origin == OWN_LOG else self.neighbours.here
        oversight = world.running.node.oversight
        assert oversight is not None
        return oversight.patients.entries.answer(tags)


def order_for(patient: Patient, certificate: DecisionCertificate, maps: tuple[bytes, ...] = ()) -> LookOrder:
    return LookOrder(encode_certificate(certificate), patient.keys.epoch_keys, maps, window=16)


def look(patient: Patient, certificate: DecisionCertificate, door: Doorway | None = None, maps: tuple[bytes, ...] = ()) -> Look:
    neighbours = patient.neighbours
    order = order_for(patient, certificate, maps)
    return look_again(order, trust_root(neighbours), door or Doorway(neighbours), neighbours.clock.now())


def verified(neighbours: Neighbourhood, looked: Look) -> LookVerdict:
    """Return what the file says to whoever has the trust root alone."""
    return verify_look(parse_look(encode_look(looked.file)), trust_root(neighbours), now=neighbours.clock.now())


def accounts(verdict: LookVerdict) -> list[Account]:
    return [each.account for each in verdict.entries]


def patient_file(patient: Patient, path: Path) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(encode_patient_file(PatientFile(patient.seed, patient.keys.epoch_keys)))
    return path
