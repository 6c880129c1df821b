"""Consents and emergencies: the contract, what is kept of them, and what the regulator asks of either."""
