"""The formats of docs/formats.md and docs/spec/: bytes in, types out, and back. Pure: entropy, keys and time are given."""
