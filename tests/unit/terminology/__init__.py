"""Catalogue, maps, marks, prices, regions, units."""
