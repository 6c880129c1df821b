"""The second chapter of the demonstration: a result is found and read elsewhere, under consent, and the patient sees who looked.

Every step uses the API that a hospital's system would use, on nodes that are separate processes. Nothing is scripted but
the order.
"""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import httpx

from devnet.codes import EPOCH, REGULATOR, Card, CodeDesk
from devnet.demo import rogue
from devnet.demo.offline import verify_offline
from devnet.demo.report import Report
from devnet.engines.process import wait_until
from devnet.topology import Devnet
from node.adapters.keys.files import read_key
from node.domain.access import ConsentId, Purpose
from node.domain.consent import CarePeriod, ConsentSalt, ConsentTerms, Grantee
from node.domain.consent_message import ContractDomain
from node.domain.entry import InstitutionId
from node.identity.codes import epoch_key, patient_code
from node.wire.consent_patient import grant_as_patient, revoke_as_patient
from node.wire.consent_text import encode_grant
from node.wire.patient_file import PatientFile, encode_patient_file
from node.wire.trust_root import parse_trust_root

HOLDER: Final = "hospital-a"
READER: Final = "hospital-b"
READERS_NUMBER: Final = "b-4711"
_TIMEOUT_S: Final = 30.0
_CONSENT_LIFETIME_S: Final = 30 * 86_400
_CLINICIAN: Final = {"department": "03.04", "staff_number": "b-17", "authentication": "password+token", "role": "physician"}
_SECOND_PERSON: Final = {"department": "00.01", "staff_number": "b-02", "authentication": "password+token", "role": "quality"}


@dataclass(slots=True)
class Sharing:
    """One run of the chapter."""

    devnet: Devnet
    """The consortium."""
    output: Path
    """Where files for the reader go."""
    report: Report
    """What is printed."""
    desk: CodeDesk
    """What staff ask of the code service."""
    card: Card
    """The patient."""
    report_index: int = -1
    """Where the report that is shared lies in the holder's log."""
    presented: dict[str, Any] | None = None
    """The consent, as the reader shows it to the holder."""
    unlogged: str = ""
    """Id of the request that the reader's side never logged."""

    @property
    def _reader(self) -> httpx.Client:
        return self.devnet.client(READER)

    @property
    def _origin(self) -> str:
        return self.devnet.institutions[HOLDER][1].origin

    def visit_without_code(self) -> None:
        """Let the other hospital read the patient's document, and get keys for its own number."""
        with self.report.step("First visit at hospital B without a code: the document is read, keys are released") as found:
            self.desk.release(self.card, self._reader, READERS_NUMBER)
            opened = self.devnet.client(HOLDER).get("/v1/codes/openings").raise_for_status().json()["openings"]
            found.append(f"keys released to {READER}; hospital-a opened {len(opened)} boxes as one of two custodians")

    def find(self) -> None:
        """Find what exists, in the reader's own index."""
        with self.report.step("Hospital B finds what exists, asking nobody") as found:
            self._await_found()
            begun_s = time.perf_counter()
            records = self._find()
            took_ms = (time.perf_counter() - begun_s) * 1000
            kinds = Counter(record["kind"] for record in records)
            shown = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
            found.append(f"{shown} of {HOLDER}, in {took_ms:.0f} ms over HTTP")
            reports = [record for record in records if record["kind"] == "exam-result"]
            self.report_index = max(reports, key=lambda record: len(record["parts"]))["leaf_index"]

    def refused_without_consent(self) -> None:
        """Ask without a consent."""
        with self.report.step("Without consent hospital B gets nothing") as found:
            request = self._retrieve(consents=[])
            self.report.expect(request["state"] == "denied", f"it is {request['state']}")
            found.append(f"denied: {request['reason']}; both hospitals logged it")

    def consent(self) -> None:
        """Let the patient grant a consent with a key made for it alone."""
        with self.report.step("The patient grants a consent, signed by a key made for it alone") as found:
            pin = parse_trust_root(self.devnet.trust_root.read_bytes()).chain
            domain = ContractDomain(pin.chain_id, pin.contracts["consents"].address)
            consent, salt = ConsentId(secrets.token_bytes(32)), ConsentSalt(secrets.token_bytes(32))
            grant = grant_as_patient(self.card.seed, self._terms(), domain, consent, salt)
            body = {"patient": {"number": READERS_NUMBER}, "grant": json.loads(encode_grant(grant))}
            self._reader.post("/v1/consents", json=body).raise_for_status()
            self.presented = {
                "consent_id": consent.hex(),
                "salt": salt.hex(),
                "scope": base64.b64encode(grant.presented.scope).decode(),
            }
            reached = wait_until(lambda: self._standing() == "granted", _TIMEOUT_S)
            self.report.expect(reached, f"the consent is {self._standing()}")
            found.append(f"consent {consent.hex()[:8]}… for {READER}, treatment, 30 days: granted on chain")

    def retrieve(self) -> None:
        """Read the report under the consent, and verify it offline."""
        with self.report.step("Hospital B retrieves the report of hospital A, and anyone can verify it") as found:
            begun_s = time.perf_counter()
            request = self._retrieve(consents=[self._consent])
            took_ms = (time.perf_counter() - begun_s) * 1000
            self.report.expect(request["state"] == "verified", f"it is {request['state']}: {request['reason']}")
            path = self.output / "retrieved.json"
            path.write_bytes(self._evidence(request))
            verdict = verify_offline(path, self.devnet.trust_root)
            self.report.expect(verdict.exit_code == 0, f"not verified: {verdict.text}")
            found.append(f"{request['state']} in {took_ms:.0f} ms with consent check and both receipts; {verdict.how}")

    def read_unlogged(self) -> None:
        """Read past the reader's own node: the holder logs it, the reader does not."""
        with self.report.step("Somebody at hospital B reads past its node, and logs nothing") as found:
            record = next(one for one in self._find() if one["leaf_index"] == self.report_index)
            self.unlogged = rogue.read(
                self.devnet, reader=READER, holder=HOLDER, record=record, consent=self._consent, clinician=_CLINICIAN
            )
            found.append(f"hospital-a disclosed under request {self.unlogged[:8]}…, as the consent allows, and logged a receipt")

    def who_looked(self) -> None:
        """List what the patient sees, by the patient's own tool."""
        with self.report.step("The patient lists who looked: disclosed, denied, emergency") as found:
            patient = self.output / "patient.json"
            epoch_keys = {EPOCH: epoch_key(patient_code(self.card.seed), read_key(self.devnet.locator_secret), EPOCH)}
            patient.write_bytes(encode_patient_file(PatientFile(self.card.seed, epoch_keys)))
            patient.chmod(0o600)
            command = [sys.executable, "-m", "node", "patient"]
            given = ["--patient", str(patient), "--trust-root", str(self.devnet.trust_root)]
            listed = subprocess.run(  # noqa: S603 - own command
                [*command, "access", *given, "--json"], check=False, capture_output=True, text=True, timeout=_TIMEOUT_S
            )
            self.report.expect(listed.returncode == 0, f"exit {listed.returncode}: {listed.stderr}")
            lines = json.loads(listed.stdout)["lines"]
            counts = Counter(_said(line) for line in lines)
            found.append(f"{len(lines)} entries, each verified: {', '.join(f'{n} {what}' for what, n in sorted(counts.items()))}")
            bundle = self.output / "patient-bundle.json"
            subprocess.run(  # noqa: S603 - own command
                [*command, "export", *given, "-o", str(bundle)], check=True, capture_output=True, timeout=_TIMEOUT_S
            )
            verdict = verify_offline(bundle, self.devnet.trust_root)
            self.report.expect(verdict.exit_code == 0, f"the bundle is not verified: {verdict.text}")
            found.append(f"exported as one bundle, verified {verdict.how}")

    def unpaired(self) -> None:
        """Let the regulator find the access that one side never logged."""
        with self.report.step("The regulator finds the access that hospital B never logged") as found:
            regulator = self.devnet.client(REGULATOR)
            findings: list[dict[str, Any]] = []

            def raised() -> bool:
                page = regulator.get("/v1/supervision/findings", params={"open": "true"}).raise_for_status().json()["findings"]
                findings[:] = [each for each in page if each["subject"].startswith(self.unlogged)]
                return bool(findings)

            self.report.expect(wait_until(raised, _TIMEOUT_S), "there is no finding")
            path = self.output / "finding.json"
            url = f"/v1/supervision/findings/{findings[0]['finding_id']}/evidence"
            path.write_bytes(regulator.get(url).raise_for_status().content)
            verdict = verify_offline(path, self.devnet.trust_root)
            self.report.expect(verdict.exit_code == 0, f"the finding is not verified: {verdict.text}")
            found.append(f"{findings[0]['code']}: {', '.join(findings[0]['institutions'])}; its evidence verified {verdict.how}")

    def emergency(self) -> None:
        """Read without consent in an emergency, and review it."""
        with self.report.step("Emergency: read without consent, alarmed, on chain, reviewed by a second person") as found:
            opened = self._reader.post(
                "/v1/emergencies",
                json={"actor": _CLINICIAN, "reason": "unconscious after an accident", "patient": {"number": READERS_NUMBER}},
            )
            emergency = opened.raise_for_status().json()["emergency_id"]
            request = self._retrieve(consents=[], purpose="emergency", emergency_id=emergency)
            self.report.expect(request["state"] == "verified", f"it is {request['state']}: {request['reason']}")
            review = {"reviewer": _SECOND_PERSON, "justified": True, "remark": "seen at the ward"}
            own = self._reader.post(f"/v1/emergencies/{emergency}:review", json={**review, "reviewer": _CLINICIAN})
            self.report.expect(own.is_error, "the same person reviewed it")
            self._reader.post(f"/v1/emergencies/{emergency}:review", json=review).raise_for_status()
            found.append(f"{request['state']}; a review by the same person is refused ({own.status_code}), by another one taken")

    def chain_away(self) -> None:
        """Take the chain away: nobody can say whether the consent still holds."""
        with self.report.step("Chain away: the holder cannot know whether the consent still holds") as found:
            self.devnet.stop_chain()
            self.report.expect(wait_until(lambda: self._standing() == "consent-unknown", _TIMEOUT_S), "the consent is still known")
            request = self._retrieve_until(lambda one: "consent-unknown" in one["reason"])
            found.append(f"{request['state']}: {request['reason']}")
            self.devnet.start_chain()
            self.report.expect(wait_until(lambda: self._standing() == "granted", _TIMEOUT_S), "the consent is not known again")
            request = self._retrieve_until(lambda one: one["state"] == "verified")
            found.append(f"chain back: {request['state']}")
            found.summary = f"{found[0]}; {found[1]}"

    def revoke(self) -> None:
        """Revoke the consent: the next request is refused."""
        with self.report.step("The patient revokes: the next request is refused") as found:
            pin = parse_trust_root(self.devnet.trust_root.read_bytes()).chain
            domain = ContractDomain(pin.chain_id, pin.contracts["consents"].address)
            consent = ConsentId(bytes.fromhex(self._consent["consent_id"]))
            signature = revoke_as_patient(self.card.seed, domain, consent).signature
            body = {"signature": {"v": signature.v, "r": f"{signature.r:064x}", "s": f"{signature.s:064x}"}}
            self._reader.post(f"/v1/consents/{consent.hex()}:revoke", json=body).raise_for_status()
            begun_s = time.perf_counter()
            request = self._retrieve_until(lambda one: one["state"] == "denied")
            found.append(f"denied after {time.perf_counter() - begun_s:.1f} s: {request['reason']}")

    def _terms(self) -> ConsentTerms:
        return ConsentTerms(
            grantee=Grantee(InstitutionId(READER), None, None),
            kinds=None,
            items=None,
            labels=(),
            period=CarePeriod(None, None),
            purposes=(Purpose.TREATMENT,),
            expires_at_s=int(time.time()) + _CONSENT_LIFETIME_S,
            max_uses=None,
        )

    @property
    def _consent(self) -> dict[str, Any]:
        self.report.expect(self.presented, "no consent was granted")
        return self.presented or {}

    def _standing(self) -> str:
        answer = self._reader.get(f"/v1/consents/{self._consent['consent_id']}").raise_for_status().json()
        return str(answer["standing"])

    def _find(self) -> list[dict[str, Any]]:
        body = {"patient": {"number": READERS_NUMBER}, "purpose": "treatment", "actor": _CLINICIAN}
        answer = self._reader.post("/v1/find", json=body).raise_for_status().json()
        return [record for record in answer["records"] if record["holder"] == HOLDER]

    def _await_found(self) -> None:
        """Wait until the reader has followed the holder's log."""

        def followed() -> bool:
            return any(record["kind"] == "exam-result" for record in self._find())

        self.report.expect(wait_until(followed, _TIMEOUT_S), "hospital B finds no report")

    def _retrieve(self, **order: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        body = {
            "patient": {"number": READERS_NUMBER},
            "targets": [{"origin": self._origin, "leaf_index": self.report_index}],
            "purpose": "treatment",
            "actor": _CLINICIAN,
            **order,
        }
        ordered = self._reader.post("/v1/retrievals", json=body)
        self.report.expect(ordered.status_code == HTTPStatus.ACCEPTED, f"{ordered.status_code}: {ordered.text}")
        retrieval_id = ordered.json()["retrieval_id"]
        shown = self._reader.get(f"/v1/retrievals/{retrieval_id}", params={"wait": "true"}).raise_for_status().json()
        return {**shown["requests"][0], "retrieval_id": retrieval_id}

    def _retrieve_until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Ask again until an answer is as wanted: state on chain takes a moment to be seen."""
        answers: list[dict[str, Any]] = []

        def asked() -> bool:
            answers.append(self._retrieve(consents=[self._consent]))
            return wanted(answers[-1])

        self.report.expect(wait_until(asked, _TIMEOUT_S), f"the last answer was {answers[-1]['state']}: {answers[-1]['reason']}")
        return answers[-1]

    def _evidence(self, request: dict[str, Any]) -> bytes:
        url = f"/v1/retrievals/{request['retrieval_id']}/{request['request_id']}/evidence"
        return self._reader.get(url).raise_for_status().content


def _said(line: dict[str, Any]) -> str:
    if line.get("about") != "access":
        return str(line.get("what", line.get("about", line["entry_type"])))
    return f"{line['outcome']} ({line['institution']}, {line['purpose']})"
