"""Adapters stand between the ports of the node and databases, key files and chains; only `node.bootstrap` builds them."""
