"""Oversight: receipts paired, figures counted, findings shown."""
