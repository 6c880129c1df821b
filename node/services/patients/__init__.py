"""Patients of the hosted institutions: their keys, and the counters of their tags."""
