"""`python -m devnet.demo`: run the demonstration in a fresh directory and stop everything again."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from devnet.cli import forget_variables
from devnet.codes import CodeDesk, draw_card
from devnet.demo.aftermath import Aftermath
from devnet.demo.outsider import Outsider
from devnet.demo.recognition import Recognition
from devnet.demo.regulator import Regulator
from devnet.demo.report import DemoFailedError, Report
from devnet.demo.sharing import Sharing
from devnet.demo.story import Story
from devnet.topology import Devnet, running_devnet
from node.adapters.keys.files import read_key

_DIRECTORY: Final = Path(".demo")
_OUTPUT: Final = _DIRECTORY / "output"


def tell(devnet: Devnet, report: Report) -> None:
    """Tell the story, chapter by chapter."""
    story = Story(devnet, _OUTPUT, report, CodeDesk(read_key(devnet.locator_secret)), draw_card())
    sharing = Sharing(devnet, _OUTPUT, report, story.codes, story.card)
    recognition = Recognition(devnet, _OUTPUT, report, sharing)
    regulator = Regulator(devnet, _OUTPUT, report)
    report.begin("commitment")
    _commit(story)
    report.begin("sharing")
    _share(sharing)
    report.begin("recognition")
    _recognise(recognition)
    report.begin("aftermath")
    _look_back(Aftermath(devnet, _OUTPUT, report, recognition))
    report.begin("trouble")
    _get_into_trouble(story, sharing)
    report.begin("supervision")
    _supervise(regulator, recognition, sharing)
    report.begin("tampering")
    _tamper(story)


def _commit(story: Story) -> None:
    story.issue_code()
    story.ingest()
    story.find_by_code()
    story.resubmit()
    story.verify_whole()
    story.verify_anchor()
    story.disclose_one()


def _share(sharing: Sharing) -> None:
    sharing.visit_without_code()
    sharing.find()
    sharing.refused_without_consent()
    sharing.consent()
    sharing.retrieve()
    sharing.emergency()


def _recognise(recognition: Recognition) -> None:
    recognition.documents()
    recognition.laboratory()
    recognition.order_liver()
    recognition.retrieve_liver()
    recognition.recognise_liver()
    recognition.print_slip()
    recognition.recognise_part()
    recognition.preliminary()
    recognition.wrong_unit()
    recognition.expired_mark()
    recognition.without_reason()
    recognition.holder_away()


def _look_back(aftermath: Aftermath) -> None:
    aftermath.correct()
    aftermath.withdraw()
    aftermath.certify()


def _get_into_trouble(story: Story, sharing: Sharing) -> None:
    sharing.read_unlogged()
    story.lose_chain()
    sharing.chain_away()
    sharing.chain_back(story.await_anchored, story.unanchored)
    sharing.revoke()


def _supervise(regulator: Regulator, recognition: Recognition, sharing: Sharing) -> None:
    sharing.who_looked()
    regulator.figures(recognition.tally)
    regulator.unpaired(sharing.unlogged)
    regulator.unreasoned()
    regulator.unmarked()
    regulator.relied_on_withdrawn()
    regulator.page()


def _tamper(story: Story) -> None:
    story.flip_body()
    story.flip_evidence()
    story.flip_tile()
    story.lift()
    story.fork()


@contextmanager
def _running(report: Report) -> Iterator[Devnet]:
    """Run the consortium while the story is told."""
    report.begin("consortium")
    with report.step("consortium") as found:
        running = running_devnet(_DIRECTORY / "devnet")
        devnet = running.__enter__()
        hosted = devnet.institutions
        found.details += [f"{each.name} ({each.role}) at {node.url}" for node, each in hosted.values()]
        found.show(institutions=len(hosted), nodes=len(devnet.state.nodes), chain=devnet.chain.chain_id if devnet.chain else 0)
    try:
        yield devnet
    finally:
        running.__exit__(None, None, None)


def main() -> int:
    """Run it; return the exit code."""
    forget_variables()
    shutil.rmtree(_DIRECTORY, ignore_errors=True)
    _OUTPUT.mkdir(parents=True)
    report = Report()
    try:
        with _running(report) as devnet:
            tell(devnet, report)
            outsider = Outsider(devnet.trust_root, _OUTPUT, report)
            outsider.receive()
        report.begin("outsider")
        outsider.verify()
    except DemoFailedError as error:
        report.console.print(f"[bold red]failed[/]: {error}")
        return 1
    report.close()
    outsider.tell_what_to_open()
    return 0


if __name__ == "__main__":
    sys.exit(main())
