"""`concord patient keep`, `revoke` and `change-code`: what a patient does with the file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from node.cli.api_client import ApiClient, ProblemError
from node.cli.failures import RefusedError, UnreachedError, UsageError
from node.cli.output import show
from node.cli.patient.files import read_patient, write_patient
from node.cli.patient.view import Asking, endpoints_of
from node.domain.access import ConsentId
from node.domain.consent_message import ContractDomain
from node.identity.code_text import PatientCard, encode_card
from node.identity.codes import draw_seed, patient_code, public_keys
from node.wire.consent.patient import revoke_as_patient
from node.wire.patient.file import PatientFile
from node.wire.trust_root import parse_trust_root, verify_trust_root

_EPOCH_KEY: Final = re.compile(r"(0|[1-9][0-9]{0,9})=([0-9a-f]{64})")
_CONSENT: Final = re.compile(r"[0-9a-f]{64}")
_MAX_EPOCH: Final = 2**32 - 1
_NOT_FOUND: Final = 404


def keep(seed_file: Path, epoch_keys: Sequence[str], output: Path, *, as_json: bool) -> None:
    """Put a seed and the epoch keys that the code service gave into one file; keys that are there stay.

    Raises:
        UsageError: An epoch key is none.
    """
    known = read_patient(seed_file)
    given = [_EPOCH_KEY.fullmatch(each) for each in epoch_keys]
    added = {int(match[1]): bytes.fromhex(match[2]) for match in given if match is not None}
    if len(added) < len(epoch_keys) or any(epoch > _MAX_EPOCH for epoch in added):
        raise UsageError("--epoch-key: give SERIAL=KEY with 64 lowercase hex digits, each serial once")
    kept = PatientFile(known.seed, {**known.epoch_keys, **added})
    write_patient(output, kept)
    show({"written": str(output), "epochs": sorted(kept.epoch_keys)}, as_json=as_json)


def revoke(asking: Asking, consent: str, *, as_json: bool) -> None:
    """Revoke a consent that the patient granted: sign it here, and hand it to the nodes that keep it.

    Raises:
        UsageError: The id is none, or the consortium has no contract for consents.
        UnreachedError: No node was reached.
        RefusedError: No node keeps such a consent.
    """
    if _CONSENT.fullmatch(consent) is None:
        raise UsageError(f"{consent}: a consent's id has 64 hex digits")
    root = parse_trust_root(asking.trust_root.read_bytes())
    verify_trust_root(root, datetime.now(UTC))
    contract = root.chain.contracts.get("consents")
    if contract is None:
        raise UsageError(f"{asking.trust_root}: this consortium has no contract for consents")
    domain = ContractDomain(root.chain.chain_id, contract.address)
    signature = revoke_as_patient(read_patient(asking.patient).seed, domain, ConsentId(bytes.fromhex(consent))).signature
    signed = {"v": signature.v, "r": f"{signature.r:064x}", "s": f"{signature.s:064x}"}
    body = msgspec.json.encode({"consent_id": consent, "signature": signed})
    told, unreached = _hand_in(sorted(set(endpoints_of(root, asking.nodes).values())), body)
    if not told:
        if unreached:
            raise UnreachedError(f"no node took the revocation; not reached: {', '.join(unreached)}")
        raise RefusedError("no node keeps a consent of this id; check it with `concord patient consents`")
    show({"consent_id": consent, "revoked_at": told, "not_reached": unreached}, as_json=as_json)


def _hand_in(urls: Sequence[str], body: bytes) -> tuple[list[str], list[str]]:
    told, unreached = [], []
    for url in urls:
        try:
            with ApiClient(url, "") as client:
                client.post("/v1/patient/revocations", body)
            told.append(url)
        except UnreachedError:
            unreached.append(url)
        except ProblemError as error:
            if error.status != _NOT_FOUND:
                raise
    return told, unreached


def change_code(patient: Path, output: Path, *, as_json: bool) -> None:
    """Draw a new seed into a new file, and show the card that the code service is to have in place of the old one.

    Raises:
        UsageError: The new file exists already: a seed is never overwritten.
    """
    read_patient(patient)  # that there is something to change, and that it is the patient's
    if output.exists():
        raise UsageError(f"{output} exists already; a seed is never overwritten")
    seed = draw_seed()
    write_patient(output, PatientFile(seed, {}))
    card = encode_card(PatientCard(patient_code(seed), public_keys(seed)))
    show({"written": str(output), "card": card, "keep": str(patient)}, as_json=as_json)
