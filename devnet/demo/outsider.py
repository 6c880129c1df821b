"""What is left when everything is stopped: files for whoever wants to look, and the command that checks them."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from devnet.demo.aftermath import CERTIFICATE
from devnet.demo.recognition import SLIP
from devnet.demo.report import Report
from devnet.demo.words import phrase

_TRUST_ROOT: Final = "trust-root.note"
_FILES: Final = {
    "report.html": "open_report",
    SLIP: "open_slip",
    CERTIFICATE: "open_certificate",
    "recognised-result.json": "open_evidence",
    "patient-bundle.json": "open_bundle",
}
"""What is worth a look, by the phrase that says what it is."""


@dataclass(slots=True)
class Outsider:
    """Somebody with the files, and nothing else."""

    trust_root: Path
    """The consortium's trust root, while it runs."""
    output: Path
    """Where the files are."""
    report: Report
    """What is printed."""

    def receive(self) -> None:
        """Take a copy of the trust root: all that an outsider has to believe."""
        shutil.copyfile(self.trust_root, self.output / _TRUST_ROOT)

    @property
    def command(self) -> list[str]:
        """The command that checks the certificate of the decision, and with it what that rested on."""
        concord = Path(sys.executable).with_name("concord")
        shown = concord.relative_to(Path.cwd()) if concord.is_relative_to(Path.cwd()) else concord
        return [str(shown), "verify", str(self.output / CERTIFICATE), "--trust-root", str(self.output / _TRUST_ROOT)]

    def verify(self) -> None:
        """Run the very command that is printed at the end."""
        with self.report.step("outsider") as found:
            told = subprocess.run(self.command, check=False, capture_output=True, text=True, timeout=60)  # noqa: S603 - own command
            self.report.expect(told.returncode == 0, f"exit code {told.returncode}: {told.stderr or told.stdout}")
            said = told.stdout.splitlines()
            found.details += said
            found.show(verdict=said[0], exit_code=told.returncode)

    def tell_what_to_open(self) -> None:
        """Print the last lines."""
        for name, what in _FILES.items():
            said = phrase(what)
            self._print(f"{said.zh} · {said.en}: {self.output / name}")
        said = phrase("command")
        self._print(f"{said.zh} · {said.en}: {shlex.join(self.command)}")

    def _print(self, line: str) -> None:
        self.report.console.print(line, markup=False, soft_wrap=True)
