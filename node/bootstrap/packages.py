"""The import names are generic: make sure that all packages of this distribution come from one place (DESIGN section 6)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from node.errors import SettingsError

PACKAGES = ("ledger", "contracts", "node", "devnet")


def check_one_root(packages: tuple[str, ...] = PACKAGES) -> None:
    """Check that no other distribution's package of the same name is on the path before ours.

    Raises:
        SettingsError: One is missing, or comes from elsewhere; names the places.
    """
    places = {name: _root_of(name) for name in packages}
    if len(set(places.values())) > 1:
        found = ", ".join(f"{name} from {place}" for name, place in places.items())
        raise SettingsError(f"packages of several distributions are mixed: {found}; give Concord an environment of its own")


def _root_of(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise SettingsError(f"the package {name} is missing: install Concord again, in an environment of its own")
    return Path(spec.origin).parent.parent
