"""What py-evm takes for its database: content-addressed values in the store, behind one cache that all threads share."""

from __future__ import annotations

from eth.db.atomic import AtomicDB
from eth.db.backends.base import BaseDB

from devnet.engines.embedded.store import ChainStore

CACHED_NODES = 65_536
"""Bound of the cache; about 20 MB of trie nodes."""


class NodeCache:
    """Values by hash. They never change, so an entry is never stale; a full cache forgets its oldest half."""

    def __init__(self, capacity: int = CACHED_NODES) -> None:
        self._capacity = capacity
        self._young: dict[bytes, bytes] = {}
        self._old: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        """Return the value if it is here."""
        value = self._young.get(key)
        return self._old.get(key) if value is None else value

    def put(self, key: bytes, value: bytes) -> None:
        """Keep a value that is durable."""
        # Two threads may turn the generations over at once: that forgets more than needed and nothing else.
        if len(self._young) >= self._capacity // 2:
            self._old, self._young = self._young, {}
        self._young[key] = value


class NodeDatabase(BaseDB):
    """One thread's view: reads through the cache to the store; writes stay in `pending` until the writer commits them."""

    def __init__(self, store: ChainStore, cache: NodeCache) -> None:
        self._store = store
        self._cache = cache
        self.pending: dict[bytes, bytes] = {}

    def __getitem__(self, key: bytes) -> bytes:
        value = self.pending.get(key)
        if value is None:
            value = self._cache.get(key)
        if value is None:
            value = self._store.node(key)
            if value is None:
                raise KeyError(key)
            self._cache.put(key, value)
        return value

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.pending[key] = value

    def __delitem__(self, key: bytes) -> None:
        # Nodes are never deleted: older states stay readable (an archive node). py-evm asks only for its own pending ones.
        self.pending.pop(key, None)

    def _exists(self, key: bytes) -> bool:
        try:
            self[key]
        except KeyError:
            return False
        return True

    def flush(self) -> None:
        """Write `pending` into the store, within the caller's transaction."""
        self._store.add_nodes(self.pending)

    def settle(self) -> None:
        """After the commit: what was pending is durable and may be cached."""
        # Only now: a node cached before a commit that fails would be taken for stored for ever after.
        for key, value in self.pending.items():
            self._cache.put(key, value)
        self.pending.clear()

    def forget(self) -> None:
        """After a failure: drop what was pending."""
        self.pending.clear()


def atomic(database: NodeDatabase) -> AtomicDB:
    """Wrap the database as py-evm wants it."""
    return AtomicDB(database)
