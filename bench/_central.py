"""A PostgreSQL of a bench's own: what a central database costs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from tests.integration.ledger_log.test_postgresql import running, server_user


@contextmanager
def postgresql(*, alone: bool) -> Iterator[sa.Engine | None]:
    """Run a PostgreSQL of our own; None where there is none on this machine, or none is wanted."""
    initdb = shutil.which("initdb") or next(iter(sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")))), None)
    if initdb is None or alone:
        yield None
        return
    directory = Path(tempfile.mkdtemp(prefix="concord-bench-pg-"))
    user = server_user() if os.geteuid() == 0 else None
    try:
        if user is not None:
            shutil.chown(directory, user)
        command = [str(Path(initdb).resolve()), "-D", str(directory / "data"), "-U", "concord", "-A", "trust", "--no-sync"]
        subprocess.run(command, check=True, capture_output=True, user=user, cwd=directory)
        with running(Path(initdb).resolve().parent, directory, user, durable=True):
            engine = sa.create_engine(sa.URL.create("postgresql+psycopg", "concord", host=str(directory), database="postgres"))
            yield engine
            engine.dispose()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
