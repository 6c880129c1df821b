"""Published documents and codes that lead nowhere, in `records.db`."""
