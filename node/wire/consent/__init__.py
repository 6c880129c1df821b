"""Consents and emergencies: scopes, texts, messages, what a patient signs (docs/spec/consent.md)."""
