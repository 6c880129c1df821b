"""What a result is, in words that hospitals share: catalogue, maps, marks, prices, regions. Pure; every rule is data."""
