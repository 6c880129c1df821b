"""Consents as the chain told them, uses of emergencies, and what the regulator has asked of either, in `records.db`."""
