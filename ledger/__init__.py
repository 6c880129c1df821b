"""The log and its proofs: an append-only Merkle tree over opaque entries, in the formats of RFC 9162 and C2SP.

Nothing here knows what an entry means. Only `ledger.store` does input and output.
"""
