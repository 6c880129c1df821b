"""Sensitivity labels: what makes a record one that its writer and the patient alone find (FORMATS "Patient code and locator")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NewType

SensitivityLabel = NewType("SensitivityLabel", str)
"""A name such as `HIV`; consents name the labels that they open."""

RESTRICTED: Final = SensitivityLabel("R")
"""Sensitive, nothing known of why: the label of what a recovery brings back in class 1."""


@dataclass(frozen=True, slots=True)
class LabelTable:
    """Which codes of `meta.security` are which label."""

    labels: Mapping[tuple[str, str], SensitivityLabel]
    """By code system and code."""

    def label(self, system: str, code: str) -> SensitivityLabel | None:
        """Return the label of a code, or None where it makes nothing sensitive."""
        return self.labels.get((system, code))


NO_LABELS: Final = LabelTable({})
"""Nothing is sensitive."""
