"""What patients see: who looked, verified by their own tool."""
