"""A Concord node: records in, an anchored log and evidence out. Start with `docs/architecture.md`."""
