"""Logs of others: what is known of them, what is never forgotten, and the nodes that serve them."""
