"""Figures and forms of the regulator."""
