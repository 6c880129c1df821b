"""`concord catalogue`: documents of items, maps, marks and prices, on files and on a node."""
