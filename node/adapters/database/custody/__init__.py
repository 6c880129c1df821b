"""Where records are kept, moved, filed again, removed and locked, in `records.db`."""
