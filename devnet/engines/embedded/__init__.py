"""A chain in one process: py-evm for the rules, SQLite for the state, Ethereum JSON-RPC on loopback for its users.

One writer makes every block, so a block is final once it is durable, and it is durable before anybody hears of it. It is meant for
demonstrations, tests and one site that trusts itself; it has no peers and no consensus. Run it with
`python -m devnet.engines.embedded --dir DIRECTORY`, or from Python through `devnet.engines.EmbeddedEngine`.
"""
