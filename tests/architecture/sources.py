"""The repository as its architecture tests see it: tracked files, modules, functions."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("ledger", "contracts", "node", "devnet", "tools")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file."""

    path: Path
    """Where it is."""
    name: str
    """The same, relative to the repository."""
    tree: ast.Module
    """Its syntax tree."""
    lines: int
    """How many lines it has."""


@cache
def tracked_files() -> tuple[Path, ...]:
    """List what git tracks and is still there, and what it would add: a new file is judged before it is committed."""
    # A clone owned by somebody else, as in a container, is still only read.
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode()  # noqa: S603 - git, read only
    return tuple(sorted({ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()}))


@cache
def modules() -> tuple[Module, ...]:
    """Parse every module of the packages."""
    return tuple(_read(path) for path in tracked_files() if _package(path) in PACKAGES and path.suffix == ".py")


def _package(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


def _read(path: Path) -> Module:
    text = path.read_text()
    return Module(path, path.relative_to(ROOT).as_posix(), ast.parse(text), text.count("\n"))


def functions(module: Module) -> Iterator[tuple[str, Function]]:
    """Yield every function of a module with its dotted name, methods and nested ones included."""
    yield from _functions(module.tree, "")


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{prefix}{child.name}"
            if not isinstance(child, ast.ClassDef):
                yield name, child
            yield from _functions(child, f"{name}.")
        else:
            yield from _functions(child, prefix)


def body_lines(function: Function) -> int:
    """Count the lines of a function's body, its docstring aside."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    if not body:
        return 0
    return (body[-1].end_lineno or body[-1].lineno) - body[0].lineno + 1
