"""SQL storage on SQLAlchemy Core: `records.db`, `secrets.db` and `index.db`, by who writes them (DESIGN section 5)."""
