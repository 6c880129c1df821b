"""What holds for all tests: Hypothesis profiles, and where nodes in this process log.

All profiles but `explore` draw the same examples each time, so that a red run is red again.
"""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from node.telemetry import configure_logging

settings.register_profile("default", deadline=None, derandomize=True)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
# For a long search by hand: HYPOTHESIS_PROFILE=explore.
settings.register_profile("explore", deadline=None, derandomize=False, max_examples=5000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "default"))

# Unless told otherwise structlog prints to whatever stdout is: to that of a command which a test runs, in the midst of its JSON.
configure_logging()


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """All that nodes in this process log, of every level."""
    lines = io.StringIO()
    configure_logging(lines, level=logging.DEBUG)
    yield lines
    configure_logging()
