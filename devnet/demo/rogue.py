"""What somebody does who has a hospital's keys and goes round its node: a disclosure that only the holder logs."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Mapping
from typing import Any, Final

import httpx
from nacl.signing import SigningKey

from devnet.topology import Devnet
from node.adapters.keys.files import InstitutionKeys
from node.domain.access import Actor, ConsentId, Purpose, RequestId
from node.domain.consent import ConsentSalt, PresentedConsent
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.wire.members.disclosure import DisclosureRequest, encode_request
from node.wire.members.http_signature import SignatureTag, SignatureTerms, SignedRequest, key_id_of, sign_request, target_uri

_PATH: Final = "/v1/disclosures"
_LIFETIME_S: Final = 30


def read(
    devnet: Devnet,
    *,
    reader: str,
    holder: str,
    record: Mapping[str, Any],
    consent: Mapping[str, Any],
    clinician: Mapping[str, str],
) -> str:
    """Ask a holder for a record with the reader's own request key, and log nothing.

    Args:
        devnet: The consortium.
        reader: Whose key is used.
        holder: Who is asked.
        record: The record, as a find shows it.
        consent: What it rests on, as a retrieval takes it.
        clinician: In whose name.

    Returns:
        The id of the request.
    """
    request = DisclosureRequest(
        request_id=RequestId(secrets.token_hex(16)),
        audience=InstitutionId(holder),
        purpose=Purpose.TREATMENT,
        actor=Actor(
            InstitutionId(reader),
            clinician["department"],
            clinician["staff_number"],
            clinician.get("licence_number", ""),
            clinician["authentication"],
            clinician.get("role", ""),
        ),
        subject=LeafReference(Origin(record["origin"]), bytes.fromhex(record["leaf_hash"])),
        leaf_index=record["leaf_index"],
        parts=None,
        consents=(
            PresentedConsent(
                ConsentId(bytes.fromhex(consent["consent_id"])),
                ConsentSalt(bytes.fromhex(consent["salt"])),
                base64.b64decode(consent["scope"]),
            ),
        ),
        emergency=None,
        encounter="",
    )
    _post(devnet, reader, holder, encode_request(request)).raise_for_status()
    return request.request_id


def _post(devnet: Devnet, reader: str, holder: str, body: bytes) -> httpx.Response:
    node, _ = devnet.institutions[reader]
    endpoint = devnet.institutions[holder][0].url
    key = SigningKey(InstitutionKeys(devnet.node_directory(node) / "keys", reader).read("request.seed"))
    now_s = int(time.time())
    terms = SignatureTerms(
        tag=SignatureTag.RETRIEVE,
        key_id=key_id_of(InstitutionId(reader), bytes(key.verify_key)),
        created_s=now_s,
        expires_s=now_s + _LIFETIME_S,
        nonce=secrets.token_urlsafe(16),
    )
    headers = {"content-type": "application/json"}
    signed = SignedRequest("POST", target_uri(endpoint, _PATH), headers, body)
    added = sign_request(signed, terms, lambda base: key.sign(base).signature)
    return httpx.post(f"{endpoint}{_PATH}", content=body, headers=headers | added, timeout=30, trust_env=False)
