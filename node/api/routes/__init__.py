"""Routes, a module for each subject; each translates between HTTP and one service."""
