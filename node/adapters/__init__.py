"""Adapters: what stands between the ports of the node and databases, key files and chains. Only `node.bootstrap` builds them."""
