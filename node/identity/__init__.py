"""Patient codes, the keys derived from them, and which of them a hospital uses. Pure: entropy is given."""
