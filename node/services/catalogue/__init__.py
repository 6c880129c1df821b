"""Documents of the catalogue's family: published, gathered from logs, adopted as rules."""
