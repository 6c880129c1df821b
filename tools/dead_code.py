"""Find what nobody calls: functions, methods, classes and imports that neither the packages nor their tests use.

vulture finds the candidates by name. Fields and enumeration members are left out: they are read by encoders that vulture
does not see, and unused arguments are ruff's affair. What a framework calls by name or by decorator is listed here, with
who calls it; an entry that has become untrue is a fault like the dead code itself.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from vulture import Vulture

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("ledger", "contracts", "node", "devnet", "tests", "tools", "bench")

CALLED_BY_DECORATOR = (
    "@router.*",  # FastAPI, by path
    "@app.*",  # FastAPI or typer, by path or command
    "@*.command*",  # typer, by the words of the command line
    "@*.callback*",  # typer, before a group's command
    "@*fixture*",  # pytest, by parameter name
    "@*.listens_for*",  # SQLAlchemy, at its events
    "@rule*",  # Hypothesis, as a step of a state machine
    "@invariant*",  # Hypothesis, after each step
    "@initialize*",  # Hypothesis, as the first step
    "@schemathesis.*",  # schemathesis, by media type
)
CALLED_BY_NAME = ("test_*", "Test*", "pytest_*", "log_message", "do_GET", "do_POST")  # pytest, http.server

CALLED_FROM_OUTSIDE: dict[str, str] = {
    "bench/ingest.py:connection_made": "asyncio.Protocol",
    "bench/ingest.py:connection_lost": "asyncio.Protocol",
    "bench/ingest.py:data_received": "asyncio.Protocol",
    "contracts/errors.py:*": "one class for each revert: looked up by the reason that the chain gives",
    "devnet/engines/embedded/nodes.py:_exists": "py-evm's BaseDB, for `in`",
    "node/adapters/database/engines.py:do_begin": "SQLAlchemy, where a transaction begins",
    "node/wire/members/http_signature.py:resolve_public_key": "http-message-signatures, for the key of a signature",
    "node/wire/members/http_signature.py:validate_created_and_expires": "http-message-signatures, for the times of a signature",
    "node/settings.py:settings_customise_sources": "pydantic-settings",
    "tests/unit/members/pages.py:handle_*": "html.parser",
}
"""path:name, as a pattern -> who calls it."""

CALLABLE = {"function", "method", "class", "property"}
ALWAYS_WRONG = {"import", "unreachable_code"}


def unused(root: Path, folders: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield `path:name` of each thing that nothing refers to, and a line about it."""
    finder = Vulture(ignore_names=list(CALLED_BY_NAME), ignore_decorators=list(CALLED_BY_DECORATOR))
    finder.scavenge([str(root / folder) for folder in folders if (root / folder).is_dir()])
    for item in finder.get_unused_code():
        if item.typ in CALLABLE | ALWAYS_WRONG:
            path = Path(item.filename).resolve().relative_to(root).as_posix()
            yield f"{path}:{item.name}", f"{path}:{item.first_lineno}: {item.message}"


def faults(root: Path, folders: Sequence[str], outside: dict[str, str]) -> Iterator[str]:
    """Yield one line for each thing that is unused, and for each exception that excuses nothing."""
    idle = set(outside)
    for name, line in unused(root, folders):
        excuses = {pattern for pattern in outside if fnmatch(name, pattern)}
        idle -= excuses
        if not excuses:
            yield line
    yield from (f"tools/dead_code.py: nothing needs the exception {pattern!r} any more" for pattern in sorted(idle))


def main() -> int:
    """Print every fault; 1 if there is one."""
    found = list(faults(ROOT, SOURCES, CALLED_FROM_OUTSIDE))
    for fault in found:
        sys.stderr.write(f"dead-code: {fault}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
