"""Documents of the catalogue's family: JSON, sheets, and their entries in logs (docs/spec/catalogue.md)."""
