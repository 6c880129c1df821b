"""Adapters: between the ports of the node and databases, key files, chains. Only `node.bootstrap` builds them."""
