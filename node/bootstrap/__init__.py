"""The composition root: settings in, a running node out. Only this package builds adapters.

```
hosting      what settings and trust root say: institutions, log keys, limits, identity rules
stores       the databases
chain        the chain's clients
services     the services, connected
operation    open a node and start its threads
maintenance  create a node, issue API keys, recover a log: on a node that is not being served
```
"""

from __future__ import annotations

from node.bootstrap.hosting import hosted_institutions, read_trust_root
from node.bootstrap.maintenance import KeyRotation, init_node, issue_clients, recover_node, rotate_kek
from node.bootstrap.operation import RunningNode, open_node

__all__ = [
    "KeyRotation",
    "RunningNode",
    "hosted_institutions",
    "init_node",
    "issue_clients",
    "open_node",
    "read_trust_root",
    "recover_node",
    "rotate_kek",
]
