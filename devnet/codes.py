"""The devnet's code service: draws a patient's seed, and releases what derives from the code to a hospital.

The code service of a real consortium keeps identity documents and needs two of three institutions to open them; here a
seed is drawn for whoever is asked for, and shown to the caller as the patient's card.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import httpx

from node.domain.entry import Origin
from node.domain.patient import PatientSeed
from node.identity.codes import draw_seed, keys_of_seed
from node.wire.leaf import parse_leaf
from node.wire.locator import locator_tag

EPOCH = 1
_RECORDS_CLASS = 0


@dataclass(frozen=True, slots=True)
class Card:
    """What a patient holds."""

    seed: PatientSeed = field(repr=False)
    """Everything derives from it; never leaves the patient."""


class CodeService:
    """Issues codes under the devnet's locator secret and releases keys to hospitals."""

    def __init__(self, locator_secret: bytes, regulator: str) -> None:
        self._locator_secrets = {EPOCH: locator_secret}
        self._regulator = regulator

    def issue(self) -> Card:
        """Draw a patient's seed."""
        return Card(draw_seed())

    def release(self, card: Card, hospital: httpx.Client, patient_number: str, patient_system: str = "") -> None:
        """Register a patient's keys at a hospital, under its own number for the patient."""
        keys = keys_of_seed(card.seed, self._locator_secrets, provisional=False, regulator_id=self._regulator)
        body = {
            "patient_system": patient_system,
            "patient_number": patient_number,
            "epoch_keys": {str(epoch): key.hex() for epoch, key in keys.epoch_keys.items()},
            "exchange_public_key": keys.exchange_public_key.hex(),
            "signing_public_key": keys.signing_public_key.hex(),
            "pseudonym": None if keys.pseudonym is None else keys.pseudonym.hex(),
        }
        hospital.post("/v1/patients", json=body).raise_for_status()

    def find(self, card: Card, origin: Origin, leaves: Iterable[bytes]) -> list[int]:
        """Return the indices of a patient's entries in a log, in the order of their counters; the first miss ends it."""
        keys = keys_of_seed(card.seed, self._locator_secrets, provisional=False)
        index_of = {parse_leaf(leaf).tag: index for index, leaf in enumerate(leaves)}
        found: list[int] = []
        while (index := index_of.get(locator_tag(keys.epoch_keys[EPOCH], origin, _RECORDS_CLASS, len(found)))) is not None:
            found.append(index)
        return found
