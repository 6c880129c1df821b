"""What can go wrong with a devnet, beside its engines (`devnet.engines.errors`).

```
DevnetError
├── GenesisError      the consortium cannot be founded
└── SimulationError   a region cannot be simulated as it was asked for
```
"""

from __future__ import annotations


class DevnetError(Exception):
    """The root of the tree."""


class GenesisError(DevnetError):
    """The consortium cannot be founded on this chain."""


class SimulationError(DevnetError):
    """A region cannot be simulated as it was asked for."""
