"""Disclosures as holder and retrievals as requester."""
