"""The formats of FORMATS.md: bytes in, types out, and back. Pure: entropy, keys and time are given."""
