"""Records on their way into a log: prepared, staged, committed; and what proves or erases them later."""
