"""The demonstration: the whole story on a devnet, chapter by chapter, every line computed (`python -m devnet.demo`)."""
