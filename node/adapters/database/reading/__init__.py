"""Disclosures as holder and retrievals as requester, in `records.db`."""
