"""What supervision finds in verified entries: pure figures and findings (DESIGN section 3, point 10)."""
