"""`python -m devnet.demo`: run the demonstration in a fresh directory and stop everything again."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from devnet.codes import CodeDesk, draw_card
from devnet.demo.report import DemoFailedError, Report
from devnet.demo.sharing import Sharing
from devnet.demo.story import Story
from devnet.topology import running_devnet
from node.adapters.keys.files import read_key

_DIRECTORY = Path(".demo")


def steps(story: Story, sharing: Sharing) -> tuple[Callable[[], None], ...]:
    """Return the steps, in the order of the story."""
    return (
        story.issue_code,
        story.ingest,
        story.find_by_code,
        story.resubmit,
        story.verify_whole,
        story.verify_anchor,
        story.disclose_one,
        sharing.visit_without_code,
        sharing.find,
        sharing.refused_without_consent,
        sharing.consent,
        sharing.retrieve,
        sharing.read_unlogged,
        sharing.emergency,
        story.lose_chain,
        sharing.chain_away,
        sharing.revoke,
        sharing.who_looked,
        sharing.unpaired,
        story.flip_body,
        story.flip_evidence,
        story.flip_tile,
        story.lift,
        story.fork,
    )


def main() -> int:
    """Run it; return the exit code."""
    shutil.rmtree(_DIRECTORY, ignore_errors=True)
    output = _DIRECTORY / "output"
    output.mkdir(parents=True)
    report = Report()
    try:
        with report.step("A consortium on loopback: chain, contracts, members admitted by vote, nodes") as found:
            running = running_devnet(_DIRECTORY / "devnet")
            devnet = running.__enter__()
            found += [f"{each.name} ({each.role}) at {node.url}" for node, each in devnet.institutions.values()]
        try:
            story = Story(devnet, output, report, CodeDesk(read_key(devnet.locator_secret)), draw_card())
            for step in steps(story, Sharing(devnet, output, report, story.codes, story.card)):
                step()
            shutil.copyfile(devnet.trust_root, output / "trust-root.note")
        finally:
            running.__exit__(None, None, None)
    except DemoFailedError as error:
        report.console.print(f"[bold red]failed[/]: {error}")
        return 1
    report.close()
    report.console.print(f"evidence and trust root are in {output}; an outsider checks them with:", markup=False)
    report.console.print(
        f"  .venv/bin/concord verify {output}/evidence.json --trust-root {output}/trust-root.note", markup=False, soft_wrap=True
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
