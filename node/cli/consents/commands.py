"""`concord consent …`: declarations; `node.cli.consents.acts` does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from node.cli import options

consent_app = typer.Typer(no_args_is_help=True, help="Consents: grant, revoke, show, and FHIR in and out.")

_Patient = Annotated[str, typer.Option("--patient", help="The institution's number for the patient")]
_System = Annotated[str, typer.Option("--patient-system", help="Identifier system of that number")]
_Consent = Annotated[str, typer.Argument(help="The consent's id, 64 hex digits")]
_Method = Annotated[str, typer.Option(help="How the patient's will is known: signature or one-time-password")]
_Staff = Annotated[str | None, typer.Option("--staff", help="Number of the person who recorded it")]
_Evidence = Annotated[Path | None, typer.Option("--evidence", help="The evidence: its SHA-256 is logged, the file stays here")]


@consent_app.command()
def grant(
    *,
    url: options.Url,
    api_key: options.ApiKey,
    patient: _Patient,
    patient_system: _System = "",
    terms: Annotated[Path | None, typer.Option(help="Terms that the institution asserts, JSON, as `from-fhir` writes them")] = None,
    signed: Annotated[Path | None, typer.Option(help="A grant that the patient's key signed, instead of --terms")] = None,
    method: _Method = "signature",
    evidence: _Evidence = None,
    staff: _Staff = None,
    as_json: options.Json = False,
) -> None:
    """Grant a consent: one that the patient signed, or one that the institution asserts on its evidence."""
    from node.cli.consents import acts as command

    recorded = command.Recorded(method, evidence, staff)
    command.grant(url, api_key, (patient_system, patient), terms, signed, recorded, as_json=as_json)


@consent_app.command()
def revoke(
    consent: _Consent,
    *,
    url: options.Url,
    api_key: options.ApiKey,
    signed: Annotated[Path | None, typer.Option(help="A revocation that the patient's key signed")] = None,
    method: _Method = "signature",
    evidence: _Evidence = None,
    staff: _Staff = None,
    as_json: options.Json = False,
) -> None:
    """Revoke a consent: by the patient's signature, or, what the institution asserted, on its evidence."""
    from node.cli.consents import acts as command

    recorded = command.Recorded(method, evidence, staff)
    command.revoke(url, api_key, consent, signed, recorded, as_json=as_json)


@consent_app.command("list")
def list_consents(
    *,
    url: options.Url,
    api_key: options.ApiKey,
    patient: Annotated[str | None, typer.Option("--patient", help="Only this patient's; all if not given")] = None,
    patient_system: _System = "",
    as_json: options.Json = False,
) -> None:
    """List the institution's consents, newest first."""
    from node.cli.consents import acts as command

    command.list_consents(url, api_key, None if patient is None else (patient_system, patient), as_json=as_json)


@consent_app.command()
def show(consent: _Consent, *, url: options.Url, api_key: options.ApiKey, as_json: options.Json = False) -> None:
    """Show a consent and what the chain says of it."""
    from node.cli.consents import acts as command

    command.show_consent(url, api_key, consent, as_json=as_json)


@consent_app.command("to-fhir")
def to_fhir(
    consent: _Consent,
    *,
    url: options.Url,
    api_key: options.ApiKey,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write")],
    as_json: options.Json = False,
) -> None:
    """Write a consent as FHIR R4 Consent."""
    from node.cli.consents import acts as command

    command.to_fhir(url, api_key, consent, output, as_json=as_json)


@consent_app.command("from-fhir")
def from_fhir(
    file: Annotated[Path, typer.Argument(help="A FHIR R4 Consent, JSON")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file of terms to write")],
    as_json: options.Json = False,
) -> None:
    """Read the terms of a FHIR R4 Consent, offline; what cannot be expressed is refused by its path."""
    from node.cli.consents import acts as command

    command.from_fhir(file, output, as_json=as_json)


@consent_app.command()
def sign(
    terms: Annotated[Path, typer.Argument(help="Terms, JSON, as `from-fhir` writes them")],
    *,
    patient: options.PatientFile,
    trust_root: options.TrustRoot,
    output: Annotated[Path, typer.Option("--output", "-o", help="The signed grant to write; it goes to a node")],
    as_json: options.Json = False,
) -> None:
    """Grant a consent as the patient, offline, with a key made for it alone."""
    from node.cli.consents import acts as command

    command.sign(terms, patient, trust_root, output, as_json=as_json)


@consent_app.command("sign-revocation")
def sign_revocation(
    consent: _Consent,
    *,
    patient: options.PatientFile,
    trust_root: options.TrustRoot,
    output: Annotated[Path, typer.Option("--output", "-o", help="The signed revocation to write; it goes to a node")],
    as_json: options.Json = False,
) -> None:
    """Revoke a consent as the patient, offline."""
    from node.cli.consents import acts as command

    command.sign_revocation(consent, patient, trust_root, output, as_json=as_json)
