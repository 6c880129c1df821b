"""Files that commands write: whole or not at all, and readable by their owner alone where they hold patients' data."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_file(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Replace a file in one step, or create it."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
