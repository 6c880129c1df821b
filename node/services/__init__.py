"""Use cases, one a module, by subject. They know ports, never adapters; `pyproject.toml` has the layers of the subjects."""
