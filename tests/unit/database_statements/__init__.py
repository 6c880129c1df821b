"""Statements of the database adapters."""
