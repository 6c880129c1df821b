"""Entries, records, their bodies and secrets."""
