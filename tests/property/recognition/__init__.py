"""Properties of checks, documents and figures."""
