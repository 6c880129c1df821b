"""Sealed headers of entries, and what they say by type (docs/spec/header.md)."""
