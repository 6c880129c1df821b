"""Entries, records and their secrets: the writer, its transaction and its readers (`records.db`, `secrets.db`)."""
