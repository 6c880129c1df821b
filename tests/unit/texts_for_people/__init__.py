"""Words and pages for people."""
