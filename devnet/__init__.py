"""A consortium on one machine: a chain engine, several institutions, and drills that break them on purpose."""
