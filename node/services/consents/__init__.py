"""Consents and emergencies: granted, delivered, watched on the chain, reviewed."""
