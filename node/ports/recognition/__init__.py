"""Checks, decisions, recalls and notices, and what clinicians see of them."""
