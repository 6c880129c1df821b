"""Hypothesis profiles. All but `explore` draw the same examples each time, so that a red run is red again."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("default", deadline=None, derandomize=True)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
# For a long search by hand: HYPOTHESIS_PROFILE=explore.
settings.register_profile("explore", deadline=None, derandomize=False, max_examples=5000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "default"))
