"""Recognition at order time and the decision on it, as pure rules over opened headers and versioned documents."""
