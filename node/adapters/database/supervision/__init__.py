"""Findings and figures, in `records.db`."""
