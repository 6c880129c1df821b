"""A hospital's side of the code service: ask for a patient's keys, and keep those that it sends (docs/spec/code-service.md).

The hospital names its patient by a reference that says nothing to others: the keyed hash of its own patient number. Whoever
is sent as the code service has that role in the registry, or is refused.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from node.domain.access import Actor, RequestId
from node.domain.codes import CODE_SERVICE_ROLE, CodeOperation, IdentityDocument
from node.domain.entry import InstitutionId
from node.domain.message import MemberMessage
from node.domain.patient import PatientSeed
from node.domain.record import PatientNumber
from node.errors import (
    CodeRefusedError,
    CodeTakenError,
    CustodiansAwayError,
    InputError,
    MalformedCodeMessageError,
    MemberError,
    MemberRefusedError,
    SettingsError,
    UnknownDocumentError,
)
from node.ports.keys.identities import InstitutionIdentity
from node.ports.members.membership import KeyDirectory
from node.ports.members.requests import MemberClient
from node.ports.records.transaction import RecordsTransaction
from node.services.codes.sealing import MemberSeals
from node.services.patients.index import PatientIndex, PatientService, Registration
from node.wire.json_strict import check_document
from node.wire.members.codes import CodeRequest, encode_code_request, parse_code_answer, parse_reissued
from node.wire.members.http_signature import SignatureTag

CODES_PATH: Final = "/v1/codes"

_REFUSALS: Final[Mapping[str, type[InputError]]] = {"unknown-document": UnknownDocumentError, "code-taken": CodeTakenError}
_AWAY: Final = "custodians-away"


class Sealed(msgspec.Struct, forbid_unknown_fields=True):
    """What carries a sealed message."""

    sealed: str


@dataclass(frozen=True, slots=True)
class DeskRequest:
    """What a hospital's staff ask for."""

    operation: CodeOperation
    """What."""
    document: IdentityDocument = field(repr=False)
    """Whose code."""
    actor: Actor
    """Who asks."""
    number: PatientNumber | None = field(repr=False)
    """The hospital's number for the patient, to be registered with the keys; None to issue a code only."""
    card: str = field(default="", repr=False)
    """The card that the patient's own tool made."""
    emergency_id: bytes | None = None
    """Id of the emergency on chain, 32 bytes."""


@dataclass(frozen=True, slots=True)
class DeskAnswer:
    """What came of it."""

    registered: bool
    """Whether keys were registered for the patient number."""
    replaced: bool
    """Whether that number had others before: what was filed under them is relocated."""
    card: str = field(repr=False)
    """Text of the QR code of a new code; else empty."""
    seed: PatientSeed | None = field(repr=False)
    """A seed that the code service drew: to be handed to the patient, and kept by nobody else."""


class CodeDesk:
    """Asks the code service on behalf of hosted institutions."""

    def __init__(
        self,
        *,
        clients: Mapping[InstitutionId, MemberClient],
        identities: Mapping[InstitutionId, InstitutionIdentity],
        directory: KeyDirectory,
        seals: MemberSeals,
        index: PatientIndex,
        patients: PatientService,
    ) -> None:
        self._clients = clients
        self._identities = identities
        self._directory = directory
        self._seals = seals
        self._index = index
        self._patients = patients

    def ask(self, institution: InstitutionId, request: DeskRequest) -> DeskAnswer:
        """Ask for something, and register the keys that come.

        Raises:
            SettingsError: The consortium has no code service.
            UnknownDocumentError, CodeTakenError, CodeRefusedError, CustodiansAwayError: As the code service says.
            MemberError: It does not answer, or not as it should.
        """
        number = request.number
        reference = None if number is None else self._index.number_mac(number)
        asked = CodeRequest(
            operation=request.operation,
            request_id=RequestId(secrets.token_hex(16)),
            document=request.document,
            actor=request.actor,
            reference=reference,
            card=request.card,
            emergency_id=request.emergency_id,
            merges=reference is not None and self._patients.is_provisional(institution, reference),
        )
        answer = parse_code_answer(self._post(institution, encode_code_request(asked)))
        replaced = False
        if answer.keys is not None and number is not None:
            replaced = self._patients.register(institution, Registration(number, answer.keys))
        registered = answer.keys is not None and number is not None
        return DeskAnswer(registered, replaced, answer.card, answer.seed)

    def receive(self, transaction: RecordsTransaction, message: MemberMessage) -> None:
        """Keep keys that the code service sent on its own account; a handler of the inbox.

        Raises:
            CodeRefusedError: Who sent it is not the code service.
            MalformedCodeMessageError, SealedMessageError: It is none, or sealed to another key.
        """
        member = self._directory.member(message.sender)
        if member is None or CODE_SERVICE_ROLE not in member.roles:
            raise CodeRefusedError("keys come from an institution with the role code-service")
        reissued = parse_reissued(self._identities[message.recipient].unseal(_sealed(message.body)))
        self._patients.renew(transaction, message.recipient, reissued.reference, reissued.keys)

    def _post(self, institution: InstitutionId, plaintext: bytes) -> bytes:
        service = self._service()
        sealed = self._seals.seal(plaintext, service).hex()
        body = msgspec.json.encode({"audience": service, "sealed": sealed})
        try:
            answer = self._clients[institution].post(service, CODES_PATH, body, SignatureTag.CODES)
        except MemberRefusedError as error:
            raise _refusal(error) from error
        return self._identities[institution].unseal(_sealed(answer.body))

    def _service(self) -> InstitutionId:
        for member in self._directory.members():
            if member.is_active and CODE_SERVICE_ROLE in member.roles:
                return member.institution
        raise SettingsError("no active member of the consortium has the role code-service")


def _refusal(error: MemberRefusedError) -> InputError | MemberError:
    known = _REFUSALS.get(error.problem)
    if known is not None:
        return known()
    if error.problem == _AWAY:
        return CustodiansAwayError()
    return CodeRefusedError(error.problem) if error.problem == "code-refused" else error


def _sealed(body: bytes) -> bytes:
    try:
        check_document(body, 2)
        return bytes.fromhex(msgspec.json.decode(body, type=Sealed).sealed)
    except (msgspec.MsgspecError, ValueError) as error:
        raise MalformedCodeMessageError("sealed message") from error
