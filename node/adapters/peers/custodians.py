"""Have another member open its layer of sealed cards (docs/spec/code-service.md, "Custody")."""

from __future__ import annotations

from typing import Final

import msgspec

from node.domain.entry import InstitutionId
from node.errors import MemberAnswerError, SealedMessageError
from node.ports.keys.identities import InstitutionIdentity
from node.ports.members.requests import MemberClient
from node.services.codes.custodians import Opening
from node.wire.members.http_signature import SignatureTag

LAYERS_PATH: Final = "/v1/codes/layers"


class _Answer(msgspec.Struct, forbid_unknown_fields=True):
    sealed: list[str]


def ask_custodian(client: MemberClient, identity: InstitutionIdentity, custodian: InstitutionId, opening: Opening) -> list[bytes]:
    """Have a custodian open its layer of boxes.

    Args:
        client: Sends for the code service.
        identity: The code service's: what comes back is sealed to it.
        custodian: Who is asked.
        opening: What, and why.

    Raises:
        MemberError: It does not answer, refuses, or answers something else.
    """
    body = msgspec.json.encode(
        {
            "audience": custodian,
            "operation": opening.operation,
            "request_id": opening.request_id,
            "boxes": [box.hex() for box in opening.boxes],
        }
    )
    answer = client.post(custodian, LAYERS_PATH, body, SignatureTag.CODES)
    try:
        opened = [identity.unseal(bytes.fromhex(one)) for one in msgspec.json.decode(answer.body, type=_Answer).sealed]
    except (msgspec.MsgspecError, ValueError, SealedMessageError) as error:
        raise MemberAnswerError(custodian, "it opened no boxes that were meant for it") from error
    if len(opened) != len(opening.boxes):
        raise MemberAnswerError(custodian, "it opened another number of boxes")
    return opened
