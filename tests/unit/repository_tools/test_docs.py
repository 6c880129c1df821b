"""The reader of the documentation: what it collects, and which faults it sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.docs import DocsError, commands, documents, faults, make_targets

MAKEFILE = "VAR := 1\nhelp: ## List\n\t@true\ndemo: help ## Show\n\t@true\n"


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


DOCUMENT = """\
# Title
<!-- run -->

```console
$ make help
Use
  demo ...
$ concord --help
```
```bash
$ concord ingest \\
    --json folder
```
<!-- run: devnet -->
```console
$ concord status
```
```python
$ not a command
```
"""


def test_commands_carry_their_place_their_output_and_what_they_need() -> None:
    found = [(c.line, c.text, c.output, c.needs) for c in commands(DOCUMENT, "a.md")]
    assert found == [
        (5, "make help", "Use\n  demo ...", "nothing"),
        (8, "concord --help", "", "nothing"),
        (11, "concord ingest --json folder", "", "not run"),
        (16, "concord status", "", "devnet"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<!-- run: tomorrow -->\n```console\n$ x\n```", "a.md:1: unknown run comment 'tomorrow'"),
        ("<!-- run -->\nprose\n```console\n$ x\n```", "a.md:2: a run comment has to stand right before"),
        ("text\n```console\n$ x\n", "a.md:2: the fenced block is never closed"),
    ],
)
def test_a_document_that_cannot_be_read_is_named(text: str, message: str) -> None:
    with pytest.raises(DocsError, match=message):
        commands(text, "a.md")


def test_targets_are_rules_not_variables() -> None:
    assert make_targets(MAKEFILE) == {"help", "demo"}


def test_good_documents_have_no_faults(tmp_path: Path) -> None:
    write(tmp_path, "Makefile", MAKEFILE)
    write(tmp_path, "docs/b.md", "# The `Second` page\n\n| a | b |\n| --- | :-: |\n| c | d |\n")
    write(tmp_path, "docs/sub/c.md", "[up](../b.md) and `make help && make demo`, and make believe.\n")
    write(
        tmp_path,
        "README.md",
        "[b](docs/b.md#the-second-page) [here](#top) [far](https://example.org/x)\n# Top\n```\n[no](link)\n```\n",
    )
    assert list(faults(tmp_path)) == []


def test_each_fault_is_one_line_with_its_place(tmp_path: Path) -> None:
    write(tmp_path, "Makefile", MAKEFILE)
    write(
        tmp_path,
        "a.md",
        "# A\n[x](gone.md)\n[y](b.md#gone)\n[z](#a)\n`make cake`\n```console\n$ make pie\n```\n| a |\n| --- |\n\n| cut off |\n",
    )
    write(tmp_path, "b.md", "# B\n")
    write(tmp_path, "c.md", "```console\n")
    assert list(faults(tmp_path)) == [
        "a.md:2: no gone.md",
        "a.md:3: b.md has no heading for #gone",
        "a.md:12: a table without a head, or a row that a blank line cuts off from its table",
        "a.md:5: the Makefile has no target 'cake'",
        "a.md:7: the Makefile has no target 'pie'",
        "c.md:1: the fenced block is never closed",
    ]


def test_third_party_vectors_are_not_documents(tmp_path: Path) -> None:
    write(tmp_path, "tests/conformance/vectors/x/README.md", "[x](gone)")
    write(tmp_path, "docs/a.md", "x")
    assert documents(tmp_path) == [tmp_path / "docs/a.md"]
