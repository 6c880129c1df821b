"""The chain client: standard Ethereum JSON-RPC through web3, and nothing that only one engine knows (DESIGN section 5).

```
client      builds the ports for one endpoint
connection  identity checked against the trust root, time-outs, errors
finality    which block counts as head
reverts     what a contract said when it refused
signers     keys that sign transactions
transact    how the database is reached
journal     nonces and signed transactions, durable before they are sent
reports     news that their reader may not have recorded yet
gateway     what anchoring asks of the chain
settlement  what becomes of a submitted anchor, judged from facts alone
sending     nonce, price, signature; stored, then sent
settling    facts, judgement, news, what is missing sent again
anchors     AnchorChain: submit and settle
events      ChainEvents: by cursor, with block hashes checked
consents    ConsentChain: read consents and emergencies, send what others signed
registry    reads the consortium
consortium  ConsortiumChain: propose, vote, register keys
```

`import web3` happens in this package only, and is slow: build these objects in processes that talk to the chain.
"""
