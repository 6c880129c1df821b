"""The fourth chapter: the regulator's node counts what happened, finds what should not have, and proves both."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from devnet.codes import REGULATOR
from devnet.demo.offline import run_concord, verify_offline
from devnet.demo.recognition import CENTRE, Tally
from devnet.demo.report import Report
from devnet.demo.sharing import HOLDER, READER
from devnet.demo.ward import TIMEOUT_S
from devnet.demo.words import word
from devnet.engines.process import wait_until
from devnet.topology import Devnet
from node.domain.money import yuan


@dataclass(slots=True)
class Regulator:
    """One run of the chapter."""

    devnet: Devnet
    """The consortium."""
    output: Path
    """Where files for the reader go."""
    report: Report
    """What is printed."""
    planted: list[str] = field(default_factory=list)
    """Kinds of findings that somebody gave cause for, each once."""

    def figures(self, tally: Tally) -> None:
        """Ask for the figures; they have to be those of what was done here."""
        with self.report.step("figures") as found:
            expected = asdict(tally)
            reached = wait_until(lambda: self._counted(expected) == expected, TIMEOUT_S)
            self.report.expect(reached, f"the figures are {self._counted(expected)}, and {expected} was done")
            row = self._row()
            found.show(
                numerator=row["item_rate"]["numerator"],
                denominator=row["item_rate"]["denominator"],
                saved=yuan(row["saving_fen"]),
                reordered=row["reordered"],
                without_reason=row["without_reason"],
            )

    def unpaired(self, request_id: str) -> None:
        """Find the access that one side never logged."""
        self._find("unpaired", "holder_alone", READER, subject=request_id)

    def unreasoned(self) -> None:
        """Find the re-order that nobody gave a reason for."""
        self._find("unreasoned", "reorder_without_reason", CENTRE)

    def unmarked(self) -> None:
        """Find the mark that no certificate bore on the day."""
        self._find("unmarked", "mark_without_certificate", HOLDER)

    def relied_on_withdrawn(self) -> None:
        """Find the recognition that stands though what it rests on was withdrawn."""
        self._find("relied_on_withdrawn", "recognised_then_withdrawn", READER)

    def page(self) -> None:
        """Write the report as a page; it accuses nobody but those who gave cause."""
        with self.report.step("report") as found:
            settled = wait_until(lambda: self._codes() == sorted(self.planted), TIMEOUT_S)
            self.report.expect(settled, f"the findings are {self._codes()}, and {sorted(self.planted)} were planted")
            path = self.output / "report.html"
            _, regulator = self.devnet.institutions[REGULATOR]
            client = self.devnet.client(REGULATOR)
            run_concord("audit", "report", "--url", str(client.base_url), "--html", str(path), api_key=regulator.api_key)
            found.show(bytes=path.stat().st_size, findings=len(self._findings()))

    def _find(self, step: str, code: str, institution: str, subject: str = "") -> None:
        self.planted.append(code)
        with self.report.step(step) as found:
            findings: list[dict[str, Any]] = []

            def raised() -> bool:
                of_this_kind = [each for each in self._findings(code=code) if institution in each["institutions"]]
                findings[:] = [each for each in of_this_kind if each["subject"].startswith(subject)]
                return bool(findings)

            self.report.expect(wait_until(raised, TIMEOUT_S), f"there is no finding {code}")
            path = self.output / f"finding-{code}.json"
            path.write_bytes(self._get(f"/v1/supervision/findings/{findings[0]['finding_id']}/evidence"))
            verdict = verify_offline(path, self.devnet.trust_root)
            self.report.expect(verdict.exit_code == 0, f"the finding is not verified: {verdict.text}")
            found.show(code=word(code), institutions=", ".join(findings[0]["institutions"]))

    def _counted(self, expected: dict[str, int]) -> dict[str, int]:
        row = self._row()
        return {name: row.get(name, 0) for name in expected}

    def _row(self) -> dict[str, Any]:
        answer = self.devnet.client(REGULATOR).get("/v1/supervision/figures").raise_for_status().json()
        rows: list[dict[str, Any]] = answer["rows"]
        return rows[0] if rows else {}

    def _findings(self, **wanted: str) -> list[dict[str, Any]]:
        parameters = {"open": "true", **wanted}
        answer = self.devnet.client(REGULATOR).get("/v1/supervision/findings", params=parameters).raise_for_status().json()
        findings: list[dict[str, Any]] = answer["findings"]
        return findings

    def _codes(self) -> list[str]:
        return sorted(each["code"] for each in self._findings())

    def _get(self, path: str) -> bytes:
        return self.devnet.client(REGULATOR).get(path).raise_for_status().content
