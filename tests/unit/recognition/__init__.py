"""The check at order time, the decision, and their words."""
