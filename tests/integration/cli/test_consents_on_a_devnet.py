"""Consents through the command line on a whole consortium: FHIR in, signed by the patient, on chain, revoked; and asserted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from devnet.codes import CodeDesk, draw_card
from devnet.topology import Devnet, running_devnet
from node.adapters.keys.files import read_key
from node.domain.consent_state import ConsentStanding
from node.domain.entry import InstitutionId
from node.wire.consent.text import parse_terms
from node.wire.fhir.consent_out import encode_fhir_consent
from node.wire.patient.file import PatientFile, encode_patient_file
from tests.integration.cli.served_node import concord, document
from tests.integration.cli.waiting import until
from tests.unit.consents.samples import ID, TERMS

pytestmark = [pytest.mark.network, pytest.mark.slow]

NUMBER = "4711"


@pytest.fixture(scope="module")
def devnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devnet]:
    with running_devnet(tmp_path_factory.mktemp("devnet") / "d") as running:
        yield running


@pytest.fixture(scope="module")
def folder(devnet: Devnet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A patient who is registered at hospital A, with a file of their own; terms, and evidence."""
    folder = tmp_path_factory.mktemp("patient")
    desk, card, hospital = CodeDesk(read_key(devnet.locator_secret)), draw_card(), devnet.client("hospital-a")
    desk.issue(card, hospital)
    desk.release(card, hospital, NUMBER)
    (folder / "patient.json").write_bytes(encode_patient_file(PatientFile(card.seed, {})))
    (folder / "patient.json").chmod(0o600)
    fhir = encode_fhir_consent(TERMS, ID, ConsentStanding.GRANTED, InstitutionId("hospital-a"))
    tree = json.loads(fhir)
    end = datetime.now(UTC) + timedelta(hours=1)
    tree["provision"]["period"]["end"] = end.isoformat(timespec="seconds")
    (folder / "consent.json").write_text(json.dumps(tree))
    (folder / "scan.pdf").write_bytes(b"a scan")
    assert concord("consent", "from-fhir", folder / "consent.json", "-o", folder / "terms.json").exit_code == 0
    assert parse_terms((folder / "terms.json").read_bytes()).grantee == TERMS.grantee
    return folder


def run(devnet: Devnet, *words: object) -> dict[str, Any]:
    node, each = devnet.institutions["hospital-a"]
    result = concord("consent", *words, "--url", node.url, "--api-key", each.api_key, "--json")
    assert result.exit_code == 0, result.output
    return document(result)


def standing(devnet: Devnet, consent: str) -> str:
    return str(run(devnet, "show", consent)["standing"])


def test_a_patient_signs_offline_and_revokes(devnet: Devnet, folder: Path) -> None:
    own = ("--patient", folder / "patient.json", "--trust-root", devnet.trust_root)
    signed = concord("consent", "sign", folder / "terms.json", *own, "-o", folder / "grant.json", "--json")
    assert signed.exit_code == 0, signed.output
    consent = str(document(signed)["consent_id"])
    assert run(devnet, "grant", "--patient", NUMBER, "--signed", folder / "grant.json")["consent_id"] == consent
    until(lambda: standing(devnet, consent) == "granted")
    shown = run(devnet, "show", consent)
    assert (shown["role"], shown["asserted_by"], shown["grantee"]) == ("relayed", None, "hospital-b")
    assert consent in [row["consent_id"] for row in run(devnet, "list", "--patient", NUMBER)["consents"]]
    run(devnet, "to-fhir", consent, "-o", folder / "written.json")
    assert json.loads((folder / "written.json").read_bytes())["status"] == "active"
    revocation = concord("consent", "sign-revocation", consent, *own, "-o", folder / "revocation.json")
    assert revocation.exit_code == 0, revocation.output
    run(devnet, "revoke", consent, "--signed", folder / "revocation.json")
    assert standing(devnet, consent) == "revoked"


def test_an_institution_asserts_and_revokes(devnet: Devnet, folder: Path) -> None:
    recorded = ("--evidence", folder / "scan.pdf", "--staff", "N 4711")
    granted = run(devnet, "grant", "--patient", NUMBER, "--terms", folder / "terms.json", *recorded)
    consent = granted["consent_id"]
    until(lambda: standing(devnet, consent) == "granted")
    grantee = devnet.client("hospital-b")
    until(lambda: grantee.get(f"/v1/consents/{consent}").status_code == HTTPStatus.OK)
    received = grantee.get(f"/v1/consents/{consent}").json()
    assert (received["role"], received["standing"]) == ("received", "granted")
    shown = run(devnet, "show", consent)
    assert received["presented"] == shown["presented"]
    assert (shown["role"], shown["asserted_by"]) == ("asserted", "hospital-a")
    assert shown["document"]["origin"] == "hospital-a.example/log"
    run(devnet, "revoke", consent, *recorded)
    assert standing(devnet, consent) == "revoked"


def test_while_the_chain_is_away_nothing_is_known_and_nothing_is_lost(devnet: Devnet, folder: Path) -> None:
    recorded = ("--evidence", folder / "scan.pdf", "--staff", "N 4711")
    devnet.stop_chain()
    consent = run(devnet, "grant", "--patient", NUMBER, "--terms", folder / "terms.json", *recorded)["consent_id"]
    assert standing(devnet, consent) == "consent-unknown"
    devnet.start_chain()
    until(lambda: standing(devnet, consent) == "granted")


def test_what_does_not_fit_is_refused(devnet: Devnet, folder: Path) -> None:
    node, each = devnet.institutions["hospital-a"]
    access = ("--url", node.url, "--api-key", each.api_key, "--json")
    for words, code, reason in (
        (("grant", "--patient", NUMBER), 2, "give either --signed"),
        (("grant", "--patient", NUMBER, "--terms", folder / "terms.json"), 2, "needs both"),
        (("show", "00"), 1, "64 lower-case hex digits"),
        (("show", "00" * 32), 1, "no consent"),
        (("list", "--patient", "nobody"), 1, "no patient of this number"),
    ):
        result = concord("consent", *words, *access)
        assert (result.exit_code, reason in result.output) == (code, True), result.output
    other = json.loads((folder / "consent.json").read_text())
    other["policyRule"]["coding"][0]["code"] = "OPTOUT"
    (folder / "optout.json").write_text(json.dumps(other))
    result = concord("consent", "from-fhir", folder / "optout.json", "-o", folder / "none.json")
    assert (result.exit_code, "Consent.policyRule" in result.output) == (1, True), result.output
