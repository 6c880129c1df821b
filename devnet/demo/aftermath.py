"""The fourth chapter: what becomes of results after they were recognised. They are corrected, withdrawn, and argued about."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import httpx

from devnet.demo.laboratory import LIVER, RENAL, LabReport
from devnet.demo.offline import OfflineVerdict, run_concord, verify_offline
from devnet.demo.recognition import Recognition
from devnet.demo.report import Report
from devnet.demo.sharing import HOLDER, READER
from devnet.demo.ward import CLINICIAN, TIMEOUT_S
from devnet.demo.words import word
from devnet.engines.process import wait_until
from devnet.topology import Devnet

CERTIFICATE: Final = "decision-certificate.json"
"""What proves the decision on the liver panel to strangers."""
_CORRECTED: Final = replace(LIVER, status="corrected", values={**LIVER.values, "LAB-ALT": 132.0})
"""The same report, in which a digit had been lost."""
_WITHDRAWN: Final = replace(RENAL, status="entered-in-error")


@dataclass(slots=True)
class Aftermath:
    """One run of the chapter."""

    devnet: Devnet
    """The consortium."""
    output: Path
    """Where files for the reader go."""
    report: Report
    """What is printed."""
    recognition: Recognition
    """What was recognised."""

    def correct(self) -> None:
        """Let hospital A correct the report that was recognised: hospital B is told, and acknowledges."""
        with self.report.step("correct") as found:
            notice, took_s = self._revise(_CORRECTED, "amended", "LIVER")
            self._reader.post(
                f"/v1/recognition/notices/{notice['notice_id']}:acknowledge", json={"actor": CLINICIAN}
            ).raise_for_status()
            seen = wait_until(lambda: self._sent("amended")["state"] == "acknowledged", TIMEOUT_S)
            self.report.expect(seen, "hospital A does not hear of the acknowledgement")
            found.show(
                seconds=f"{took_s:.1f}",
                change=word(notice["change"]),
                decisions=len(notice["decisions"]),
                retrievals=len(notice["retrievals"]),
                state=word(self._sent("amended")["state"]),
            )

    def withdraw(self) -> None:
        """Let hospital A withdraw another one; hospital B is told, and leaves its decision as it is."""
        with self.report.step("withdraw") as found:
            notice, took_s = self._revise(_WITHDRAWN, "withdrawn", "RENAL")
            waiting = self._get(self._holder, "/v1/recognition/notices:sent", unacknowledged="true")["unacknowledged"]
            found.show(seconds=f"{took_s:.1f}", change=word(notice["change"]), waiting=waiting)

    def certify(self) -> None:
        """Prove the decision on the liver panel, and what it rested on, to strangers: in a dispute."""
        with self.report.step("certify") as found:
            verdict = self._certificate(self.output / CERTIFICATE)
            report = verdict.report
            offered = {each["mark"] for result in report["results"] for each in result["offered"]}
            found.show(
                verdict=word(report["verdict"]),
                outcome=word(report["decision"]["outcome"]),
                marks="、".join(sorted(offered)),
                documents=len(report["documents"]),
                later=sum(each["after_decision"] for result in report["results"] for each in result["later"]),
                how=verdict.how,
            )

    @property
    def _reader(self) -> httpx.Client:
        return self.devnet.client(READER)

    @property
    def _holder(self) -> httpx.Client:
        return self.devnet.client(HOLDER)

    def _revise(self, report: LabReport, change: str, orderable: str) -> tuple[Mapping[str, Any], float]:
        """File another version, and wait until the reader's worklist has it; return the notice, and how long that took."""
        decision = self.recognition.decisions[orderable]
        begun_s = time.monotonic()
        self.recognition.file_reports([report])
        found: list[Mapping[str, Any]] = []

        def told() -> bool:
            notices = self._get(self._reader, "/v1/recognition/notices")["notices"]
            found[:] = [each for each in notices if each["change"] == change]
            return bool(found)

        self.report.expect(wait_until(told, TIMEOUT_S), f"hospital B is not told that a result was {change}")
        concerned = [each["decision_id"] for each in found[0]["decisions"]]
        self.report.expect(decision["decision_id"] in concerned, "the notice does not name the decision")
        return found[0], time.monotonic() - begun_s

    def _sent(self, change: str) -> Mapping[str, Any]:
        notices = self._get(self._holder, "/v1/recognition/notices:sent")["notices"]
        sent: Mapping[str, Any] = next(each for each in notices if each["change"] == change)
        return sent

    def _certificate(self, path: Path) -> OfflineVerdict:
        """Export until the check is logged too: its leaf follows at its hour's end."""
        _, reader = self.devnet.institutions[READER]
        decision = self.recognition.decisions["LIVER"]["decision_id"]
        address = ("--url", str(self._reader.base_url))

        def is_complete() -> bool:
            run_concord("evidence", *address, "--decision", decision, "-o", str(path), api_key=reader.api_key)
            verdicts.append(verify_offline(path, self.devnet.trust_root))
            return bool(verdicts[-1].exit_code == 0 and verdicts[-1].report["check"]["logged"])

        verdicts: list[OfflineVerdict] = []
        self.report.expect(wait_until(is_complete, TIMEOUT_S), f"the certificate does not hold: {verdicts[-1].text}")
        return verdicts[-1]

    def _get(self, client: httpx.Client, path: str, **parameters: str) -> Any:  # noqa: ANN401 - JSON
        return json.loads(client.get(path, params=parameters).raise_for_status().content)
