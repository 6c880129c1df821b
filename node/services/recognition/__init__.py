"""Recognition: checks at order time, decisions, what clinicians see of them, and what is told when a result changes."""
