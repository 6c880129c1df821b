"""Check an emergency that another member cites: stated by whom, why, for whom; on chain, or signed and on its way there.

What the chain does not have yet counts when the requester's own anchor key has signed it: the chain is away, or slow, and the
patient is not. Left out: how often that may be (`node.policy`), and what becomes of one that never follows (supervision).
"""

from __future__ import annotations

from hmac import compare_digest

from node.domain.access import Actor
from node.domain.consent_message import ContractDomain, EmergencyId, OpenEmergency
from node.domain.consent_state import EmergencyState
from node.domain.entry import InstitutionId
from node.domain.patient import PatientKeys
from node.errors import ConsentStateUnknownError, InputError
from node.identity.typed_data import recover_signer
from node.policy.facts import EmergencyFacts
from node.ports.clock import Clock
from node.ports.consents.states import ConsentStates
from node.ports.members.membership import KeyDirectory
from node.wire.consent.emergency import EmergencyStatement, emergency_tag, parse_statement, statement_digest
from node.wire.consent.message import parse_signed_message
from node.wire.members.disclosure import CitedEmergency

_ANCHOR_KEY = "anchor"


class EmergencyCheck:
    """Checks; any thread."""

    def __init__(self, states: ConsentStates, directory: KeyDirectory, domain: ContractDomain, clock: Clock) -> None:
        self._states = states
        self._directory = directory
        self._domain = domain
        self._clock = clock

    def __call__(self, cited: CitedEmergency, actor: Actor, patient: PatientKeys | None) -> EmergencyFacts:
        """Say what is known of an emergency; its like not counted yet.

        Args:
            cited: What was cited.
            actor: Who asks; the statement has to name this very person.
            patient: The record's patient, where the record is here.
        """
        statement = _read(cited)
        digest = statement_digest(cited.salt, cited.statement)
        on_chain = self._on_chain(cited, actor.institution, digest)
        return EmergencyFacts(
            emergency_id=cited.emergency_id,
            reason="" if statement is None else statement.reason,
            is_stated=statement is not None and statement.actor == actor,
            is_of_patient=statement is not None and _is_of(EmergencyId(cited.emergency_id), statement, patient),
            is_on_chain=on_chain,
            recent=0,
            recent_of_institution=0,
        )

    def _on_chain(self, cited: CitedEmergency, requester: InstitutionId, digest: bytes) -> bool | None:
        """Tell whether the chain has it; None where it is to follow, signed."""
        try:
            state: EmergencyState | None = self._states.emergency(EmergencyId(cited.emergency_id))
        except ConsentStateUnknownError:
            state = None
        if state is not None:
            return state.institution == requester and compare_digest(state.digest, digest)
        return None if self._is_signed(cited, requester, digest) else False

    def _is_signed(self, cited: CitedEmergency, requester: InstitutionId, digest: bytes) -> bool:
        try:
            signed = parse_signed_message(cited.message)
            signer = recover_signer(self._domain, signed.message, signed.signature)
        except (InputError, ValueError):
            return False
        message = signed.message
        if not isinstance(message, OpenEmergency) or message.emergency != cited.emergency_id or message.digest != digest:
            return False
        keys = self._directory.keys(requester, _ANCHOR_KEY, self._clock.now())
        return any(key.value == signer for key in keys)


def no_emergencies(cited: CitedEmergency, _actor: Actor, _patient: PatientKeys | None) -> EmergencyFacts:
    """Say of an emergency that it was not opened: the consortium has no contract for them."""
    return EmergencyFacts(cited.emergency_id, "", False, False, False, 0, 0)  # noqa: FBT003 - fields


def _read(cited: CitedEmergency) -> EmergencyStatement | None:
    try:
        return parse_statement(cited.statement)
    except InputError:
        return None


def _is_of(emergency: EmergencyId, statement: EmergencyStatement, patient: PatientKeys | None) -> bool:
    tag = statement.patient_tag
    if patient is None or tag is None:
        return False
    return any(compare_digest(emergency_tag(key, emergency), tag) for key in patient.epoch_keys.values())
