"""The command line `concord`. Each command's module is imported when it is called: `verify` starts without web3 and FastAPI."""
