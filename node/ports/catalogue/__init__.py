"""Published documents, and codes that lead nowhere."""
