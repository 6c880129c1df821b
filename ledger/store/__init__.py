"""Where a log is kept: in memory, in a directory, in a SQL database. Only this part of `ledger` does input and output.

All fulfil `ledger.ports.LogStore` and pass the same contract tests.
"""
