"""Ports: the interfaces that services need of storage, chain, keys and time.

Adapters fulfil them; `node.bootstrap` connects them.
"""
