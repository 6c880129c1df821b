"""Other members: their keys, requests to them, messages that have to arrive."""
