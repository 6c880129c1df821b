"""Anchors and the consortium's registry on chain."""
