"""A simulated region: a year of visits in simulated time, real code below the HTTP layer (docs/operations/simulate.md).

`region` and `model` draw a region and what happens in it from a seed; `oracle` counts, by the definitions of
docs/spec/figures.md and in code of its own, what the figures have to be; `world` does what the model says with real nodes
in one process; `misconduct` adds what has to be found; `comparison` says where the two differ.
"""
