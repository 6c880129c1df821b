"""Checks and decisions as others read them: JSON, CDS Hooks, summaries."""
