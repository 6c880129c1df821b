"""What this node knows of all logs: `index.db`, which is derived, and `trust.db`, which is not."""
