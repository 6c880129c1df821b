"""`concord consent …`: through the node's API for institutions; with the patient's file, offline, for patients."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from node.cli.api_client import ApiClient
from node.cli.failures import UnreadableFileError, UsageError
from node.cli.files import write_file
from node.cli.output import show
from node.cli.patient.files import read_patient
from node.domain.access import ConsentId
from node.domain.consent import ConsentSalt, ConsentTerms
from node.domain.consent_message import ContractDomain
from node.wire.consent.message import encode_signed_message, parse_signed_message
from node.wire.consent.patient import grant_as_patient, revoke_as_patient
from node.wire.consent.text import encode_grant, encode_terms, parse_grant, parse_terms
from node.wire.fhir.consent import parse_fhir_consent
from node.wire.trust_root import parse_trust_root

_ID_BYTES: Final = 32
_PRIVATE: Final = 0o600

Patient = tuple[str, str]
"""Identifier system and number."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """How an institution knows the patient's will."""

    method: str
    """Such as `signature`."""
    evidence: Path | None
    """The evidence."""
    staff: str | None
    """Who recorded it."""

    def body(self) -> dict[str, object]:
        """Return what the API takes.

        Raises:
            UsageError: The evidence or the person is missing.
        """
        if self.evidence is None or self.staff is None:
            raise UsageError("--evidence and --staff: what the institution asserts needs both")
        digest = hashlib.sha256(self.evidence.read_bytes()).hexdigest()
        return {"method": self.method, "digest": digest, "actor": {"staff_number": self.staff}}


def grant(
    url: str, api_key: str, patient: Patient, terms: Path | None, signed: Path | None, recorded: Recorded, *, as_json: bool
) -> None:
    """Hand in a patient's grant, or assert one.

    Raises:
        UsageError: Not exactly one of terms and signed, or no evidence.
    """
    number = {"system": patient[0], "number": patient[1]}
    if signed is not None and terms is None:
        content = encode_grant(parse_grant(signed.read_bytes()))
        path, body = "/v1/consents", {"patient": number, "grant": msgspec.Raw(content)}
    elif terms is not None and signed is None:
        content = encode_terms(parse_terms(terms.read_bytes()))
        path, body = "/v1/consents:assert", {"patient": number, "terms": msgspec.Raw(content), "evidence": recorded.body()}
    else:
        raise UsageError("give either --signed, which the patient's key signed, or --terms, which the institution asserts")
    with ApiClient(url, api_key) as client:
        answer = client.post(path, msgspec.json.encode(body))
    show(_brief(answer), as_json=as_json)


def revoke(url: str, api_key: str, consent: str, signed: Path | None, recorded: Recorded, *, as_json: bool) -> None:
    """Revoke a consent."""
    body: dict[str, object]
    if signed is None:
        body = {"evidence": recorded.body()}
    else:
        signature = parse_signed_message(signed.read_bytes()).signature
        body = {"signature": {"v": signature.v, "r": f"{signature.r:064x}", "s": f"{signature.s:064x}"}}
    with ApiClient(url, api_key) as client:
        answer = client.post(f"/v1/consents/{consent}:revoke", msgspec.json.encode(body))
    show(_brief(answer), as_json=as_json)


def list_consents(url: str, api_key: str, patient: Patient | None, *, as_json: bool) -> None:
    """List consents."""
    number = None if patient is None else {"system": patient[0], "number": patient[1]}
    with ApiClient(url, api_key) as client:
        answer = client.post("/v1/consents:list", msgspec.json.encode({"patient": number}))
    rows = [{name: value for name, value in row.items() if name not in ("presented", "document")} for row in answer["consents"]]
    show({"consents": rows}, as_json=as_json)


def show_consent(url: str, api_key: str, consent: str, *, as_json: bool) -> None:
    """Show a consent; as JSON with what is presented to a holder."""
    with ApiClient(url, api_key) as client:
        answer = client.get_json(f"/v1/consents/{consent}")
    show(answer if as_json else {name: value for name, value in answer.items() if name != "presented"}, as_json=as_json)


def to_fhir(url: str, api_key: str, consent: str, output: Path, *, as_json: bool) -> None:
    """Write a consent as FHIR."""
    with ApiClient(url, api_key) as client:
        write_file(output, client.get_bytes(f"/v1/consents/{consent}/fhir"))
    show({"written": str(output)}, as_json=as_json)


def from_fhir(file: Path, output: Path, *, as_json: bool) -> None:
    """Write the terms of a FHIR Consent.

    Raises:
        DocumentRefusedError: It says what cannot be expressed; lists every path.
    """
    terms = parse_fhir_consent(file.read_bytes(), datetime.now(UTC))
    write_file(output, encode_terms(terms) + b"\n")
    show({"written": str(output)} | _words(terms), as_json=as_json)


def sign(terms_file: Path, patient: Path, trust_root: Path, output: Path, *, as_json: bool) -> None:
    """Grant a consent with the patient's file, offline; what is written goes to a node."""
    terms = parse_terms(terms_file.read_bytes())
    consent, salt = ConsentId(secrets.token_bytes(_ID_BYTES)), ConsentSalt(secrets.token_bytes(_ID_BYTES))
    granted = grant_as_patient(read_patient(patient).seed, terms, _domain(trust_root), consent, salt)
    write_file(output, encode_grant(granted) + b"\n", mode=_PRIVATE)
    show({"consent_id": consent.hex(), "written": str(output)} | _words(terms), as_json=as_json)


def sign_revocation(consent: str, patient: Path, trust_root: Path, output: Path, *, as_json: bool) -> None:
    """Revoke a consent with the patient's file, offline.

    Raises:
        UsageError: The id is none.
    """
    try:
        named = ConsentId(bytes.fromhex(consent))
        revoked = revoke_as_patient(read_patient(patient).seed, _domain(trust_root), named)
    except ValueError as error:
        raise UsageError(f"{consent}: a consent's id has 64 hex digits") from error
    write_file(output, encode_signed_message(revoked) + b"\n", mode=_PRIVATE)
    show({"consent_id": consent, "written": str(output)}, as_json=as_json)


def _brief(answer: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in answer.items() if name != "presented"}


def _words(terms: ConsentTerms) -> dict[str, object]:
    return {
        "grantee": terms.grantee.institution,
        "purposes": [str(purpose) for purpose in terms.purposes],
        "expires_at": datetime.fromtimestamp(terms.expires_at_s, UTC).isoformat(),
    }


def _domain(trust_root: Path) -> ContractDomain:
    pin = parse_trust_root(trust_root.read_bytes()).chain
    contract = pin.contracts.get("consents")
    if contract is None:
        raise UnreadableFileError(f"{trust_root}: this consortium has no contract for consents")
    return ContractDomain(pin.chain_id, contract.address)
