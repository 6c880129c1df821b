"""The contracts that a consortium shares: Vyper sources, their committed artifacts, events and reverts.

`artifact` loads what a deployer and a chain client need. The sources are in `contracts/src`, the specification in
`docs/spec/contracts.md`. Nothing here imports the compiler, except `contracts.build`, or a chain library.
"""

from contracts.artifacts import Artifact, artifact

__all__ = ["Artifact", "artifact"]
