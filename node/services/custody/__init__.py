"""What becomes of entries after they were staged: relocations, tombstones, filing again, withdrawal of consent to processing."""
