"""Reading across institutions: find, ask, disclose, verify."""
