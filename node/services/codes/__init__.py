"""Patient codes: the code service, its custodians, and a hospital at its desk."""
