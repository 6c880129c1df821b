"""Use cases, one a module. They know ports, never adapters."""
