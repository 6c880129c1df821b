"""What the API sees of a node: its services, gathered by subject."""
