"""The chain client: standard Ethereum JSON-RPC through web3, and nothing that only one engine knows (DESIGN section 5).

```
connection  one endpoint: identity checked against the trust root, time-outs, errors
finality    which block counts as head
reverts     what a contract said when it refused
signers     keys that sign transactions
journal     nonces and signed transactions, durable before they are sent
gateway     what anchoring asks of the chain
anchors     AnchorChain: submit and settle
settlement  what became of submitted anchors, from facts alone
events      ChainEvents: by cursor, with block hashes checked
consortium  ConsortiumChain: read the registry, propose, vote
```

`import web3` happens in this package only, and is slow: build these objects in processes that talk to the chain.
"""
