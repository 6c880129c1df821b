"""The OpenAPI document: words and examples for each operation."""
