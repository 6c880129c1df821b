"""The demonstration: the main job on a devnet, then every kind of tampering, each caught by name (`python -m devnet.demo`)."""
