"""Read the documentation as a program would: its links, its commands, and the make targets that it names.

Commands are the lines that start with `$ ` in fenced `console` or `bash` blocks; a trailing backslash continues one,
and what follows up to the next command is the output it shows. A comment on the line before a block says how tests
run it:

- `<!-- run -->`: from the repository, with nothing else running;
- `<!-- run: devnet -->`: against a running devnet.

A block without one is not run. Output that a run block shows is compared, with `...` for what varies.
`python -m tools.docs` checks links, tables and targets of every Markdown file, and exits 1 with one line for each fault.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parent.parent
SKIPPED_FOLDERS = {".venv", ".cache", ".git", "vectors", "node_modules"}

Needs = Literal["nothing", "devnet", "not run"]

_TAG = re.compile(r"^<!-- run(?:: (?P<needs>[a-z]+))? -->$")
_FENCE = re.compile(r"^(?P<fence>```+)(?P<language>[a-z]*)\s*$")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_MAKE = re.compile(r"\bmake (?!-)(?P<target>[a-z][a-z-]*)\b")
_RULE = re.compile(r"^\|(?: ?:?-+:? ?\|)+ *$")
_TARGET = re.compile(r"^(?P<target>[a-z][a-z-]*):(?!=)", re.MULTILINE)


class DocsError(Exception):
    """A document that cannot be read as documentation; the message names file and line."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command that a document shows."""

    source: str
    """The document, relative to the repository."""
    line: int
    """Where it stands, from 1."""
    text: str
    """The command, with its continuation lines joined."""
    output: str
    """What the document shows below it; empty when it shows nothing."""
    needs: Needs
    """What has to run for it."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    line: int
    """Where its first line of content stands, from 1."""
    language: str
    """What stands after the opening fence."""
    lines: tuple[str, ...]
    """Its content."""
    needs: Needs
    """What the comment before it says."""


def documents(root: Path) -> list[Path]:
    """List every Markdown file of the repository, third-party vectors aside."""
    found = (path for path in root.rglob("*.md") if not SKIPPED_FOLDERS & set(path.relative_to(root).parts))
    return sorted(found)


def blocks(text: str, source: str) -> Iterator[Block]:
    """Yield the fenced blocks of a document.

    Raises:
        DocsError: A block is never closed, or a run comment names an unknown need or stands before no block.
    """
    lines = text.split("\n")
    needs: Needs = "not run"
    number = 0
    while number < len(lines):
        tag, fence = _TAG.match(lines[number]), _FENCE.match(lines[number])
        if needs != "not run" and fence is None and lines[number].strip():
            raise DocsError(f"{source}:{number + 1}: a run comment has to stand right before a fenced block")
        if tag:
            needs = _needs(tag["needs"], f"{source}:{number + 1}")
        elif fence:
            start = number + 1
            try:
                number = lines.index(fence["fence"], start)
            except ValueError:
                raise DocsError(f"{source}:{start}: the fenced block is never closed") from None
            yield Block(start + 1, fence["language"], tuple(lines[start:number]), needs)
            needs = "not run"
        number += 1


def _needs(word: str | None, place: str) -> Needs:
    if word is None:
        return "nothing"
    if word == "devnet":
        return "devnet"
    raise DocsError(f"{place}: unknown run comment {word!r}; there are `<!-- run -->` and `<!-- run: devnet -->`")


def commands(text: str, source: str) -> list[Command]:
    """Collect the commands of a document, in order.

    Raises:
        DocsError: As `blocks`.
    """
    found: list[Command] = []
    for block in blocks(text, source):
        if block.language in {"console", "bash"}:
            found += _commands_of(block, source)
    return found


def _commands_of(block: Block, source: str) -> Iterator[Command]:
    starts = [at for at, line in enumerate(block.lines) if line.startswith("$ ")]
    for start, end in zip(starts, [*starts[1:], len(block.lines)], strict=True):
        words, at = [block.lines[start][2:]], start
        while words[-1].endswith("\\") and at + 1 < end:
            at += 1
            words.append(block.lines[at].strip())
        text = " ".join(word.removesuffix("\\").strip() for word in words)
        output = "\n".join(block.lines[at + 1 : end]).strip("\n")
        yield Command(source, block.line + start, text, output, block.needs)


def slug(heading: str) -> str:
    """Turn a heading into the anchor that renderers give it."""
    plain = re.sub(r"[`*_]|\[|\]\([^)]*\)", "", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def broken_links(path: Path, root: Path) -> Iterator[str]:
    """Yield one line for each relative link of a document that leads nowhere."""
    for number, line in enumerate(_prose(path.read_text()), start=1):
        for match in _LINK.finditer(line):
            file, _, anchor = match["target"].partition("#")
            if ":" in file:
                continue
            target = (path.parent / file).resolve() if file else path
            place = f"{path.relative_to(root)}:{number}"
            if not target.exists():
                yield f"{place}: no {match['target']}"
            elif anchor and target.suffix == ".md" and anchor not in _anchors(target.read_text()):
                yield f"{place}: {target.name} has no heading for #{anchor}"


def headless_tables(path: Path, root: Path) -> Iterator[str]:
    """Yield one line for each table whose first row no rule follows: renderers show it as plain text."""
    lines = list(_prose(path.read_text()))
    for at, line in enumerate(lines):
        is_first = line.startswith("|") and not (at and lines[at - 1].startswith("|"))
        if is_first and not (at + 1 < len(lines) and _RULE.match(lines[at + 1])):
            yield f"{path.relative_to(root)}:{at + 1}: a table without a head, or a row that a blank line cuts off from its table"


def _prose(text: str) -> Iterator[str]:
    """Yield every line, those of fenced blocks emptied so that line numbers stay."""
    fenced = False
    for line in text.split("\n"):
        fence = line.startswith("```")
        yield "" if fenced or fence else line
        fenced ^= fence


def _anchors(text: str) -> set[str]:
    return {slug(line.lstrip("#")) for line in _prose(text) if line.startswith("#")}


def make_targets(makefile: str) -> set[str]:
    """Read the names of a Makefile's targets."""
    return {match["target"] for match in _TARGET.finditer(makefile)}


def unknown_targets(path: Path, root: Path, targets: set[str]) -> Iterator[str]:
    """Yield one line for each `make TARGET` in code of a document that is no target."""
    for number, line in enumerate(path.read_text().split("\n"), start=1):
        code = line if line.startswith("$ ") else " ; ".join(re.findall(r"`([^`]+)`", line))
        for match in _MAKE.finditer(code):
            if match["target"] not in targets:
                yield f"{path.relative_to(root)}:{number}: the Makefile has no target {match['target']!r}"


def faults(root: Path) -> Iterator[str]:
    """Yield one line for each fault of the repository's documents."""
    targets = make_targets((root / "Makefile").read_text())
    for path in documents(root):
        try:
            commands(path.read_text(), str(path.relative_to(root)))
        except DocsError as error:
            yield str(error)
        yield from broken_links(path, root)
        yield from headless_tables(path, root)
        yield from unknown_targets(path, root, targets)


def main() -> int:
    """Print every fault; 1 if there is one."""
    found = list(faults(ROOT))
    for fault in found:
        sys.stderr.write(f"docs: {fault}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
