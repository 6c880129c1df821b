"""Amounts of money: integer fen everywhere, spelled for people only at the end."""

from __future__ import annotations


def yuan(fen: int) -> str:
    """Spell an amount in yuan: 1250 fen is 12.50."""
    sign, whole = ("-", -fen) if fen < 0 else ("", fen)
    return f"{sign}{whole // 100}.{whole % 100:02d}"
