"""Checks, decisions, recalls and notices, in `records.db`."""
