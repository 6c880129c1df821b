"""Logs: this node's grow, are anchored and cosigned; those of others are followed and verified."""
