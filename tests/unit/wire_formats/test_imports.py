from __future__ import annotations

import subprocess
import sys

MODULES = (
    "json_strict",
    "leaf",
    "commitment",
    "manifest",
    "opening",
    "locator",
    "header",
    "prepare",
    "public_entry",
)


def test_a_verifier_that_imports_them_stays_light() -> None:
    heavy = ("web3", "fastapi", "httpx", "sqlalchemy", "pydantic", "cryptography.hazmat.primitives.ciphers")
    imports = ", ".join(f"node.wire.{module}" for module in MODULES)
    code = f"import sys, {imports}; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert done.stdout.strip() == "[]"
