"""Show what the kinds in `node/data/kinds` make of FHIR documents: how many records of each, and what is left over.

For who writes a kind file; nothing is stored. A document that is refused is named with every path that it lacks.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from node.domain.entry import InstitutionId
from node.domain.kind import DocumentLimits, IdentityRules, KindTable
from node.errors import ConcordError
from node.wire.fhir.documents import split_document
from node.wire.kinds import PACKAGED_KINDS, load_kinds

RULES = IdentityRules(InstitutionId("show-kinds"))


@dataclass(slots=True)
class Count:
    """What was found so far."""

    records: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Records by kind and focal resource type."""
    ignored: Counter[str] = field(default_factory=Counter)
    """Resources that belong to no record, by type."""
    refused: list[str] = field(default_factory=list)
    """One line for each document that was refused."""


def count(documents: Iterable[Path], kinds: KindTable) -> Count:
    """Split each document, and count what it holds."""
    found = Count()
    for path in documents:
        try:
            split = split_document(path.read_bytes(), kinds, DocumentLimits(), RULES)
        except ConcordError as error:
            found.refused.append(f"{path}: {error}")
            continue
        found.records.update((draft.identity.kind, draft.identity.resource_type) for draft in split.drafts)
        found.ignored.update(split.ignored)
    return found


def table(found: Count, kinds: KindTable) -> str:
    """Lay the counts out: a line for each resource type that starts a record, those without a record too."""
    rows = [(focal.kind, name, found.records[focal.kind, name]) for name, focal in sorted(kinds.focal_types.items())]
    lines = [f"{kind:<16} {name:<20} {number:>8}" for kind, name, number in sorted(rows)]
    left = ", ".join(f"{name} {number}" for name, number in found.ignored.most_common())
    return "\n".join([f"{'kind':<16} {'resource':<20} {'records':>8}", *lines, f"in no record: {left or 'nothing'}"])


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 1 if a document was refused, 2 if the kind files are wrong or there is nothing to read."""
    parser = argparse.ArgumentParser(description="Show what the kinds make of FHIR documents.")
    parser.add_argument("folder", type=Path, help="a folder with FHIR documents as .json files")
    parser.add_argument("--kinds", type=Path, default=PACKAGED_KINDS, help="a folder with kind files")
    options = parser.parse_args(arguments)
    documents = sorted(options.folder.glob("*.json"))
    if not documents:
        sys.stderr.write(f"show-kinds: no .json files in {options.folder}\n")
        return 2
    try:
        kinds = load_kinds(options.kinds)
    except ConcordError as error:
        sys.stderr.write(f"show-kinds: {error}\n")
        return 2
    found = count(documents, kinds)
    sys.stdout.write(table(found, kinds) + "\n")
    for line in found.refused:
        sys.stderr.write(f"show-kinds: {line}\n")
    return 1 if found.refused else 0


if __name__ == "__main__":
    sys.exit(main())
