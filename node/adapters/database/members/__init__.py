"""Members of the consortium: keys seen, nonces used up, messages due, in `records.db`."""
