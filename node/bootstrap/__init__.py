"""The composition root: settings in, a running node out. Only this package builds adapters.

```
hosting      what settings and trust root say: institutions, log keys, limits, identity rules
stores       the databases
chain        the chain's clients
services     the services, connected
operation    open a node and start its threads
maintenance  create a node, issue API keys, recover a log: on a node that is not being served
commands     what a command needs of the world without opening a whole node
```
"""
