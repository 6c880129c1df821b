"""What can go wrong with a devnet, beside its engines (`devnet.engines.errors`).

```
DevnetError
└── GenesisError      the consortium cannot be founded
```
"""

from __future__ import annotations


class DevnetError(Exception):
    """The root of the tree."""


class GenesisError(DevnetError):
    """The consortium cannot be founded on this chain."""
