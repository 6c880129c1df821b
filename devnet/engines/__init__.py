"""Chain engines of the devnet: `embedded` (py-evm served as JSON-RPC) and `geth` (Clique).

```python
engine = EmbeddedEngine(funded=(address,))  # or GethEngine(...)
running = engine.start(directory)  # running.rpc_url, .chain_id, .genesis_hash
running.stop()
again = attach(directory)  # from any process, later: the running engine, or None
```
"""

from __future__ import annotations

from devnet.engines.protocol import DEFAULT_CHAIN_ID, FUNDED_BALANCE_WEI, Engine, RunningEngine

__all__ = ["DEFAULT_CHAIN_ID", "FUNDED_BALANCE_WEI", "Engine", "RunningEngine"]
