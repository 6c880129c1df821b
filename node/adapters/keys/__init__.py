"""Keys in files, mode 0600, one directory a node."""
