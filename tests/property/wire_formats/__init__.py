"""Formats of `node.wire` and `node.identity`."""
