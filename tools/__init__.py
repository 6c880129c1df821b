"""Scripts of the repository itself: set-up, Go tools, lock files, docs. Not part of the distribution."""
