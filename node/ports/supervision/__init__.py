"""Findings and figures."""
