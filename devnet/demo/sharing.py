"""The second chapter of the demonstration: a result is found and read elsewhere, under consent, and the patient sees who looked.

Every step uses the API that a hospital's system would use, on nodes that are separate processes. Nothing is scripted but
the order.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import httpx

from devnet.codes import EPOCH, Card, CodeDesk
from devnet.demo import rogue
from devnet.demo.offline import run_concord, verify_offline
from devnet.demo.report import DemoFailedError, Report
from devnet.demo.story import counts
from devnet.demo.ward import CLINICIAN, TIMEOUT_S, Ward
from devnet.demo.words import word
from devnet.engines.process import wait_until
from devnet.topology import Devnet
from node.adapters.keys.files import read_key
from node.domain.access import ConsentId, Purpose
from node.domain.consent import CarePeriod, ConsentSalt, ConsentTerms, Grantee
from node.domain.consent_message import ContractDomain
from node.domain.entry import InstitutionId
from node.identity.codes import epoch_key, patient_code
from node.wire.consent.patient import grant_as_patient, revoke_as_patient
from node.wire.consent.text import encode_grant
from node.wire.patient.file import PatientFile, encode_patient_file
from node.wire.trust_root import parse_trust_root

HOLDER: Final = "hospital-a"
READER: Final = "hospital-b"
READERS_NUMBER: Final = "b-4711"
_CONSENT_LIFETIME_S: Final = 30 * 86_400
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
    def ward(self) -> Ward:
        """The reader's ward, where the patient is seen."""
        return Ward(self.devnet.client(READER), READERS_NUMBER, "visit-1", CLINICIAN)

    @property
    def consents(self) -> list[dict[str, Any]]:
        """The consent, as a retrieval takes it."""
        return [self._consent]

    def visit_without_code(self) -> None:
        """Let the other hospital read the patient's document, and get keys for its own number."""
        with self.report.step("visit_without_code") as found:
            unknown = self.ward.ask_check("o-0", "LIVER")
            self.report.expect(unknown.status_code == HTTPStatus.NOT_FOUND, f"the check answered {unknown.status_code}")
            self.desk.release(self.card, self._reader, READERS_NUMBER)
            opened = self.devnet.client(HOLDER).get("/v1/codes/openings").raise_for_status().json()["openings"]
            found.show(status=unknown.status_code, problem=word(problem_of(unknown)), opened=len(opened))

    def find(self) -> None:
        """Find what exists, in the reader's own index."""
        with self.report.step("find") as found:
            self._await_found()
            begun_s = time.perf_counter()
            records = self.ward.find(HOLDER)
            took_ms = (time.perf_counter() - begun_s) * 1000
            found.show(kinds=counts(Counter(record["kind"] for record in records)), ms=f"{took_ms:.0f}")
            reports = [record for record in records if record["kind"] == "exam-result"]
            self.report_index = max(reports, key=lambda record: len(record["parts"]))["leaf_index"]

    def refused_without_consent(self) -> None:
        """Ask without a consent."""
        with self.report.step("refused_without_consent") as found:
            (request,) = self.ward.retrieve([self._target])
            self.report.expect(request["state"] == "denied", f"it is {request['state']}")
            found.show(state=word(request["state"]), reason=word(request["reason"]))

    def consent(self) -> None:
        """Let the patient grant a consent with a key made for it alone."""
        with self.report.step("consent") as found:
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
            self._await_standing("granted")
            found.show(consent=consent.hex()[:8], standing=word(self._standing()))

    def retrieve(self) -> None:
        """Read the report under the consent, and verify it offline."""
        with self.report.step("retrieve") as found:
            begun_s = time.perf_counter()
            (request,) = self.ward.retrieve([self._target], consents=self.consents)
            took_ms = (time.perf_counter() - begun_s) * 1000
            self.report.expect(request["state"] == "verified", f"it is {request['state']}: {request['reason']}")
            path = self.output / "retrieved.json"
            path.write_bytes(self.ward.evidence(request))
            verdict = verify_offline(path, self.devnet.trust_root)
            self.report.expect(verdict.exit_code == 0, f"not verified: {verdict.text}")
            found.show(state=word(request["state"]), ms=f"{took_ms:.0f}", how=verdict.how)

    def emergency(self) -> None:
        """Read without consent in an emergency, and review it."""
        with self.report.step("emergency") as found:
            opened = self._reader.post(
                "/v1/emergencies",
                json={"actor": CLINICIAN, "reason": "unconscious after an accident", "patient": {"number": READERS_NUMBER}},
            )
            emergency = opened.raise_for_status().json()["emergency_id"]
            (request,) = self.ward.retrieve([self._target], purpose="emergency", emergency_id=emergency)
            self.report.expect(request["state"] == "verified", f"it is {request['state']}: {request['reason']}")
            review = {"reviewer": _SECOND_PERSON, "justified": True, "remark": "seen at the ward"}
            own = self._reader.post(f"/v1/emergencies/{emergency}:review", json={**review, "reviewer": CLINICIAN})
            self.report.expect(own.is_error, "the same person reviewed it")
            self._reader.post(f"/v1/emergencies/{emergency}:review", json=review).raise_for_status()
            found.show(state=word(request["state"]), refused=own.status_code)

    def read_unlogged(self) -> None:
        """Read past the reader's own node: the holder logs it, the reader does not."""
        with self.report.step("read_unlogged") as found:
            record = next(one for one in self.ward.find(HOLDER) if one["leaf_index"] == self.report_index)
            self.unlogged = rogue.read(
                self.devnet, reader=READER, holder=HOLDER, record=record, consent=self._consent, clinician=CLINICIAN
            )
            found.show(request=self.unlogged[:8])

    def chain_away(self) -> None:
        """With the chain away: nobody can say whether the consent still holds."""
        with self.report.step("chain_away") as found:
            self._await_standing("consent-unknown")
            request = self._retrieve_until(lambda one: "consent-unknown" in one["reason"])
            found.show(state=word(request["state"]), reason=word(request["reason"]))

    def chain_back(self, await_anchored: Callable[[], str], record: str) -> None:
        """Bring the chain back: reading works again, and what was logged meanwhile is anchored."""
        with self.report.step("chain_back") as found:
            self.devnet.start_chain()
            self._await_standing("granted")
            request = self._retrieve_until(lambda one: one["state"] == "verified")
            found.show(record=record, level=word(await_anchored()), state=word(request["state"]))

    def revoke(self) -> None:
        """Revoke the consent: the next request is refused."""
        with self.report.step("revoke") as found:
            pin = parse_trust_root(self.devnet.trust_root.read_bytes()).chain
            domain = ContractDomain(pin.chain_id, pin.contracts["consents"].address)
            consent = ConsentId(bytes.fromhex(self._consent["consent_id"]))
            signature = revoke_as_patient(self.card.seed, domain, consent).signature
            body = {"signature": {"v": signature.v, "r": f"{signature.r:064x}", "s": f"{signature.s:064x}"}}
            self._reader.post(f"/v1/consents/{consent.hex()}:revoke", json=body).raise_for_status()
            begun_s = time.perf_counter()
            request = self._retrieve_until(lambda one: one["state"] == "denied")
            took_s = time.perf_counter() - begun_s
            found.show(state=word(request["state"]), seconds=f"{took_s:.1f}", reason=word(request["reason"]))

    def who_looked(self) -> None:
        """List what the patient sees, by the patient's own tool."""
        with self.report.step("who_looked") as found:
            patient = self.output / "patient.json"
            epoch_keys = {EPOCH: epoch_key(patient_code(self.card.seed), read_key(self.devnet.locator_secret), EPOCH)}
            patient.write_bytes(encode_patient_file(PatientFile(self.card.seed, epoch_keys)))
            patient.chmod(0o600)
            given = ["--patient", str(patient), "--trust-root", str(self.devnet.trust_root)]
            lines = json.loads(run_concord("patient", "access", *given, "--json"))["lines"]
            found.details += [f"{count} {what}" for what, count in sorted(Counter(_said(line) for line in lines).items())]
            bundle = self.output / "patient-bundle.json"
            run_concord("patient", "export", *given, "-o", str(bundle))
            verdict = verify_offline(bundle, self.devnet.trust_root)
            self.report.expect(verdict.exit_code == 0, f"the bundle is not verified: {verdict.text}")
            found.show(count=len(lines), how=verdict.how)

    @property
    def _reader(self) -> httpx.Client:
        return self.devnet.client(READER)

    @property
    def _target(self) -> dict[str, Any]:
        return {"origin": self.devnet.institutions[HOLDER][1].origin, "leaf_index": self.report_index}

    @property
    def _consent(self) -> dict[str, Any]:
        if self.presented is None:
            raise DemoFailedError("no consent was granted")
        return self.presented

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

    def _standing(self) -> str:
        answer = self._reader.get(f"/v1/consents/{self._consent['consent_id']}").raise_for_status().json()
        return str(answer["standing"])

    def _await_standing(self, standing: str) -> None:
        reached = wait_until(lambda: self._standing() == standing, TIMEOUT_S)
        self.report.expect(reached, f"the consent is {self._standing()}, not {standing}")

    def _await_found(self) -> None:
        """Wait until the reader has followed the holder's log."""

        def followed() -> bool:
            return any(record["kind"] == "exam-result" for record in self.ward.find(HOLDER))

        self.report.expect(wait_until(followed, TIMEOUT_S), "hospital B finds no report")

    def _retrieve_until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        return self.ward.retrieve_until(wanted, self._target, consents=self.consents)


def problem_of(answer: httpx.Response) -> str:
    """Return what a refusal says is the matter (RFC 9457)."""
    return str(answer.json()["type"]).rpartition("/")[2].rpartition(":")[2]


def _said(line: dict[str, Any]) -> str:
    if line.get("about") != "access":
        return str(line.get("what", line.get("about", line["entry_type"])))
    return f"{line['outcome']} ({line['institution']}, {line['purpose']})"
