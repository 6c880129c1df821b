"""Chain engines of the devnet: `embedded` (py-evm served as JSON-RPC) and `geth` (Clique).

```python
engine = EmbeddedEngine(funded=(address,))  # or GethEngine(...), or make_engine("geth", funded=(address,))
running = engine.start(directory)  # running.rpc_url, .chain_id, .genesis_hash, .pids
running.stop()
again = attach(directory)  # from any process, later: the running engine, or None
```
"""

from __future__ import annotations

from devnet.engines.embedded.engine import EmbeddedEngine
from devnet.engines.geth import GethEngine
from devnet.engines.protocol import DEFAULT_CHAIN_ID, FUNDED_BALANCE_WEI, Engine, RunningEngine
from devnet.engines.running import attach

ENGINE_NAMES = ("embedded", "geth")
"""What `make_engine` knows."""


def make_engine(name: str, *, chain_id: int = DEFAULT_CHAIN_ID, funded: tuple[str, ...] = (), port: int | None = None) -> Engine:
    """Make the engine of that name with the settings that all engines share.

    Args:
        name: One of `ENGINE_NAMES`.
        chain_id: EIP-155 chain id.
        funded: Addresses that own ether at genesis, 0x-prefixed hex.
        port: Port on 127.0.0.1; None for that of the last run, or a free one.

    Raises:
        ValueError: there is no such engine.
    """
    if name == "embedded":
        return EmbeddedEngine(chain_id=chain_id, funded=funded, port=port)
    if name == "geth":
        return GethEngine(chain_id=chain_id, funded=funded, port=port)
    raise ValueError(f"no engine {name!r}; there are {', '.join(ENGINE_NAMES)}")


__all__ = [
    "DEFAULT_CHAIN_ID",
    "ENGINE_NAMES",
    "FUNDED_BALANCE_WEI",
    "EmbeddedEngine",
    "Engine",
    "GethEngine",
    "RunningEngine",
    "attach",
    "make_engine",
]
