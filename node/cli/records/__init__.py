"""`concord ingest`, `records` and `tombstones`."""
