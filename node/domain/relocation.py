"""Relocations: an entry that is found under another tag from now on (FORMATS "Patient code and locator")."""

from __future__ import annotations

from enum import StrEnum


class RelocationReason(StrEnum):
    """Why an entry was relocated; supervision reads it, nobody else but the patient's readers does."""

    NEW_CODE = "new-code"
    """The patient has another code."""
    MERGED = "merged"
    """A provisional code was merged into the patient's own."""
    LABEL = "label"
    """A consent names the record's label: found by treating hospitals until it is revoked."""
    DUMMY = "dummy"
    """Nothing was relocated: the entry is there so that the others cannot be counted."""
