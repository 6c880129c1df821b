"""Patients of a devnet: their seeds, their cards, and what a hospital asks of the code service for them.

The code service is a real one, an institution on the regulator's node; its custodians are itself and two hospitals.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import httpx

from devnet.engines.process import wait_until
from devnet.errors import DevnetError
from node.domain.entry import Origin
from node.domain.patient import PatientSeed
from node.identity.code_text import PatientCard, encode_card
from node.identity.codes import draw_seed, keys_of_seed, patient_code, public_keys
from node.wire.leaf import parse_leaf
from node.wire.locator import ORDINARY, locator_tag

EPOCH: Final = 1
INSTITUTION: Final = "code-service"
CUSTODIANS: Final = ("code-service", "hospital-a", "hospital-b")
REGULATOR: Final = "regulator"

_ACTOR: Final = {"staff_number": "desk-1", "authentication": "token", "department": "01"}
_DOCUMENT_KIND: Final = "resident-id"
_READY_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Card:
    """A patient: a seed, and an identity document."""

    seed: PatientSeed = field(repr=False)
    """Everything derives from it; never leaves the patient."""
    document_number: str = field(repr=False)
    """What a hospital reads; made up."""

    @property
    def text(self) -> str:
        """The text of the QR code."""
        return encode_card(PatientCard(patient_code(self.seed), public_keys(self.seed)))


def draw_card() -> Card:
    """Draw a patient."""
    return Card(draw_seed(), f"devnet-{secrets.token_hex(6)}")


class CodeDesk:
    """What staff of hospitals do for patients who stand before them."""

    def __init__(self, locator_secret: bytes) -> None:
        self._locator_secrets = {EPOCH: locator_secret}

    def issue(self, card: Card, hospital: httpx.Client) -> None:
        """Have a patient's card kept under the patient's document.

        Raises:
            DevnetError: The code service refuses, or does not answer.
        """
        _ask(hospital, operation="issue", document_number=card.document_number, card=card.text)

    def release(self, card: Card, hospital: httpx.Client, patient_number: str, patient_system: str = "") -> None:
        """Have a patient's keys released to a hospital that has read the document, under its own number for the patient.

        Raises:
            DevnetError: The code service refuses, or does not answer.
        """
        _ask(
            hospital,
            operation="release",
            document_number=card.document_number,
            patient_number=patient_number,
            patient_system=patient_system,
        )

    def find(self, card: Card, origin: Origin, leaves: Iterable[bytes]) -> list[int]:
        """Return the indices of a patient's entries in a log, in the order of their counters; the first miss ends it."""
        keys = keys_of_seed(card.seed, self._locator_secrets, provisional=False)
        index_of = {parse_leaf(leaf).tag: index for index, leaf in enumerate(leaves)}
        found: list[int] = []
        while (index := index_of.get(locator_tag(keys.epoch_keys[EPOCH], origin, ORDINARY, len(found)))) is not None:
            found.append(index)
        return found


def _ask(hospital: httpx.Client, **body: Any) -> None:  # noqa: ANN401 - JSON
    """Ask the code service through a hospital's node; a node that has started a moment ago has the registry a moment later."""
    answers: list[httpx.Response] = []

    def answered() -> bool:
        request = {"document_kind": _DOCUMENT_KIND, "actor": _ACTOR, **body}
        answers.append(hospital.post("/v1/patients/code", json=request))
        return answers[-1].status_code not in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.BAD_GATEWAY)

    if not wait_until(answered, _READY_S) or answers[-1].is_error:
        raise DevnetError(f"the code service does not do it: {answers[-1].status_code}: {answers[-1].text}")
