"""Patients of the hosted institutions: a hospital's number maps to the keys by which entries are found (FORMATS "Patient code").

Numbers are kept as keyed hashes, keys sealed for this node. A number that nobody registered gets a provisional code, drawn
here and kept sealed until it is handed over. The code itself of a registered patient never comes here.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from node.domain.entry import InstitutionId
from node.domain.patient import PatientKeys
from node.domain.record import PatientNumber
from node.domain.relocation import RelocationReason
from node.errors import MalformedParameterError
from node.identity.codes import draw_seed, keys_of_seed
from node.identity.sealed import encode_patient_keys, parse_patient_keys
from node.ports.keys.identities import InstitutionIdentity
from node.ports.keys.signing import NodeKeys
from node.ports.records.transaction import LocatorId, PatientId, PatientRow, RecordsTransaction, RecordsWriter
from node.wire.json_strict import check_document

_PURPOSE = "patient-keys"
_OWNER = "entry-owner"
_PATIENT_ID_BYTES = 16
_LOCATOR_ID_BYTES = 16
_CACHED_PATIENTS = 10_000
_REGISTRATION_DEPTH = 2

Move = Callable[[RecordsTransaction, InstitutionId, PatientId, PatientKeys, RelocationReason], int]
"""Schedules relocations: institution, patient, the keys until now, the reason."""


@dataclass(frozen=True, slots=True)
class ResolvedPatient:
    """What staging an entry needs of a patient."""

    patient_id: PatientId
    """Whose entry it becomes."""
    locator_id: LocatorId
    """Names the epoch key in counters."""
    epoch: int
    """The newest epoch whose key is here."""
    epoch_key: bytes
    """K_e, 32 bytes."""
    exchange_public_key: bytes
    """The patient's X25519 public key, with which an institution agrees on K_r."""
    pseudonym: bytes | None
    """The person's pseudonym for supervision; None until the code service has given one."""


class PatientIndex:
    """Finds patients by number, and issues provisional codes to those that nobody registered."""

    def __init__(self, keys: NodeKeys, locator_secrets: Mapping[int, bytes]) -> None:
        self._keys = keys
        self._locator_secrets = locator_secrets
        self._resolved: OrderedDict[tuple[PatientId, bytes], ResolvedPatient] = OrderedDict()

    @property
    def newest_epoch(self) -> int:
        """Serial of the newest locator secret that this node holds."""
        return max(self._locator_secrets)

    def number_mac(self, number: PatientNumber) -> bytes:
        """Return the keyed hash that recognises a patient number."""
        system, value = number.system.encode(), number.value.encode()
        return self._keys.mac("patient-number", len(system).to_bytes(4, "big") + system + value)

    def locator_id(self, epoch_key: bytes) -> LocatorId:
        """Return what names an epoch key in counters."""
        return LocatorId(self._keys.mac("locator", epoch_key)[:_LOCATOR_ID_BYTES])

    def resolve(self, row: PatientRow) -> ResolvedPatient:
        """Return what staging needs of a patient."""
        # the sealed bytes are part of the place: a replaced row is another entry
        place = (row.patient_id, row.keys_sealed[:16])
        resolved = self._resolved.get(place)
        if resolved is None:
            keys = self.keys_of(row)
            epoch = max(keys.epoch_keys)
            epoch_key = keys.epoch_keys[epoch]
            resolved = ResolvedPatient(
                patient_id=row.patient_id,
                locator_id=self.locator_id(epoch_key),
                epoch=epoch,
                epoch_key=epoch_key,
                exchange_public_key=keys.exchange_public_key,
                pseudonym=keys.pseudonym,
            )
            self._resolved[place] = resolved
            if len(self._resolved) > _CACHED_PATIENTS:
                self._resolved.popitem(last=False)
        return resolved

    def keys_of(self, row: PatientRow) -> PatientKeys:
        """Open a patient's keys."""
        return parse_patient_keys(self._keys.open(_PURPOSE, row.keys_sealed))

    def seal(self, keys: PatientKeys) -> bytes:
        """Seal a patient's keys for this node."""
        return self._keys.seal(_PURPOSE, encode_patient_keys(keys))

    def seal_owner(self, patient_id: PatientId) -> bytes:
        """Seal what an entry's row says of its patient: with the database alone, entries cannot be linked."""
        return self._keys.seal(_OWNER, patient_id)

    def open_owner(self, sealed: bytes) -> PatientId:
        """Open what an entry's row says of its patient."""
        return PatientId(self._keys.open(_OWNER, sealed))

    def issue_provisional(self, institution: InstitutionId, number_mac: bytes) -> PatientRow:
        """Draw a provisional code for a patient whom nobody registered."""
        keys = keys_of_seed(draw_seed(), self._locator_secrets, provisional=True)
        return PatientRow(_draw_patient_id(), institution, number_mac, provisional=True, keys_sealed=self.seal(keys))


class PatientSession:
    """The patients of one transaction: looked up together, new ones written together."""

    def __init__(self, index: PatientIndex, transaction: RecordsTransaction) -> None:
        self._index = index
        self._transaction = transaction
        self._macs: dict[PatientNumber, bytes] = {}
        self._rows: dict[tuple[InstitutionId, bytes], PatientRow] = {}
        self._issued: list[PatientRow] = []

    def load(self, institution: InstitutionId, numbers: Sequence[PatientNumber]) -> list[ResolvedPatient]:
        """Look up patients; return those that are known."""
        macs = list({self._mac(number) for number in numbers})
        found = self._transaction.patients_by_number(institution, macs)
        self._rows.update(((institution, mac), row) for mac, row in found.items())
        return [self._index.resolve(row) for row in found.values()]

    def resolve(self, institution: InstitutionId, number: PatientNumber) -> ResolvedPatient:
        """Return a patient; an unknown one gets a provisional code."""
        mac = self._mac(number)
        row = self._rows.get((institution, mac))
        if row is None:
            row = self._index.issue_provisional(institution, mac)
            self._rows[institution, mac] = row
            self._issued.append(row)
        return self._index.resolve(row)

    def _mac(self, number: PatientNumber) -> bytes:
        mac = self._macs.get(number)
        if mac is None:
            mac = self._macs[number] = self._index.number_mac(number)
        return mac

    def write(self) -> None:
        """Insert those who got a provisional code."""
        self._transaction.insert_patients(self._issued)


@dataclass(frozen=True, slots=True)
class Registration:
    """What the code service releases to a hospital for one of its patients."""

    number: PatientNumber
    """The hospital's number for the patient."""
    keys: PatientKeys
    """Epoch keys, public keys, pseudonym; not the code."""


class _RegistrationBody(msgspec.Struct, forbid_unknown_fields=True):
    patient_number: str
    epoch_keys: dict[str, str]
    exchange_public_key: str
    signing_public_key: str
    patient_system: str = ""
    pseudonym: str | None = None


def parse_registration(body: bytes) -> Registration:
    """Parse the body of `POST /v1/patients`: hex keys, epochs as decimal names.

    Raises:
        MalformedJsonError: It is no JSON that can be read in one way only.
        MalformedParameterError: It is something else; the message does not repeat it.
    """
    check_document(body, _REGISTRATION_DEPTH)
    try:
        parsed = msgspec.json.decode(body, type=_RegistrationBody)
        keys = PatientKeys(
            epoch_keys={int(epoch): bytes.fromhex(key) for epoch, key in parsed.epoch_keys.items()},
            exchange_public_key=bytes.fromhex(parsed.exchange_public_key),
            signing_public_key=bytes.fromhex(parsed.signing_public_key),
            pseudonym=None if parsed.pseudonym is None else bytes.fromhex(parsed.pseudonym),
            provisional_code=None,
        )
    except ValueError as error:
        raise MalformedParameterError("body", "is not a patient registration; see /openapi.json") from error
    return Registration(PatientNumber(parsed.patient_system, parsed.patient_number), keys)


class PatientService:
    """Registers patients."""

    def __init__(
        self,
        writer: RecordsWriter,
        index: PatientIndex,
        identities: Mapping[InstitutionId, InstitutionIdentity],
        move: Move,
    ) -> None:
        """Take what is needed.

        Args:
            writer: The one writer of the records.
            index: Opens and seals keys.
            identities: Agree on pairwise keys.
            move: Schedules the relocation of a patient's records, in the transaction that replaces the keys.
        """
        self._writer = writer
        self._index = index
        self._identities = identities
        self._move = move

    def register(self, institution: InstitutionId, registration: Registration) -> bool:
        """Register a patient's keys for an institution.

        Another code than the one before schedules the relocation of what was filed under that; the same code goes on with
        the epochs of both.

        Returns:
            Whether the patient was known, and the keys were replaced.

        Raises:
            MalformedParameterError: A public key that gives everyone the same pairwise key.
        """
        mac, keys = self._index.number_mac(registration.number), registration.keys
        self._check(institution, keys)
        return self._writer.submit(lambda transaction: self._register(transaction, institution, mac, keys)).result()

    def renew(self, transaction: RecordsTransaction, institution: InstitutionId, number_mac: bytes, keys: PatientKeys) -> None:
        """Take over keys that the code service sent for a patient; a number that nobody registered here is passed over.

        Raises:
            MalformedParameterError: A public key that gives everyone the same pairwise key.
        """
        self._check(institution, keys)
        if transaction.patients_by_number(institution, [number_mac]):
            self._register(transaction, institution, number_mac, keys)

    def is_provisional(self, institution: InstitutionId, number_mac: bytes) -> bool:
        """Tell whether a patient has a provisional code so far."""

        def work(transaction: RecordsTransaction) -> bool:
            row = transaction.patients_by_number(institution, [number_mac]).get(number_mac)
            return row is not None and row.provisional

        return self._writer.submit(work).result()

    def _check(self, institution: InstitutionId, keys: PatientKeys) -> None:
        try:
            self._identities[institution].pairwise_key(keys.exchange_public_key)
        except ValueError as error:
            raise MalformedParameterError("exchange_public_key", "is not a usable X25519 public key") from error

    def _register(self, transaction: RecordsTransaction, institution: InstitutionId, number_mac: bytes, keys: PatientKeys) -> bool:
        known = transaction.patients_by_number(institution, [number_mac]).get(number_mac)
        if known is None:
            sealed = self._index.seal(keys)
            row = PatientRow(_draw_patient_id(), institution, number_mac, provisional=False, keys_sealed=sealed)
            transaction.insert_patients([row])
            return False
        former = self._index.keys_of(known)
        # both derive from the seed: the same public key is the same code
        if former.exchange_public_key == keys.exchange_public_key:
            present = replace(keys, epoch_keys={**former.epoch_keys, **keys.epoch_keys})
        else:
            present = keys
            reason = RelocationReason.MERGED if known.provisional else RelocationReason.NEW_CODE
            self._move(transaction, institution, known.patient_id, former, reason)
        transaction.replace_patient_keys(known.patient_id, self._index.seal(present), provisional=False)
        return True


def _draw_patient_id() -> PatientId:
    return PatientId(secrets.token_bytes(_PATIENT_ID_BYTES))
