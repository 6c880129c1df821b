"""What is left when everything is stopped: files for whoever wants to look, and the command that checks them."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from devnet.demo.report import Report
from devnet.demo.words import word


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
        shutil.copyfile(self.trust_root, self.output / "trust-root.note")

    @property
    def command(self) -> list[str]:
        """The command that checks the result which was recognised."""
        concord = Path(sys.executable).with_name("concord")
        shown = concord.relative_to(Path.cwd()) if concord.is_relative_to(Path.cwd()) else concord
        evidence, trust_root = self.output / "recognised-result.json", self.output / "trust-root.note"
        return [str(shown), "verify", str(evidence), "--trust-root", str(trust_root)]

    def verify(self) -> None:
        """Run the very command that is printed at the end."""
        with self.report.step("outsider") as found:
            told = subprocess.run(self.command, check=False, capture_output=True, text=True, timeout=60)  # noqa: S603 - own command
            self.report.expect(told.returncode == 0, f"exit code {told.returncode}: {told.stderr or told.stdout}")
            found.show(verdict=word(told.stdout.splitlines()[0]), exit_code=told.returncode)

    def tell_what_to_open(self) -> None:
        """Print the last lines."""
        files = sorted(path for path in self.output.iterdir() if path.suffix in {".html", ".json", ".note"})
        self.report.console.print("打开 · open: " + "  ".join(map(str, files)), markup=False, soft_wrap=True)
        self.report.console.print("局外人验证 · an outsider checks: " + shlex.join(self.command), markup=False, soft_wrap=True)
