"""Our import names are generic (`agent`, `probes`, ...): another distribution may bring the same.

Such a wheel overwrites our files without a warning, so both commands look before they start.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import packages_distributions

DISTRIBUTION = "wardwatch"
PACKAGES = ("agent", "alerts", "collector", "probes")


def foreign_owners(owners: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Package name -> distributions other than ours that claim it."""
    found = {
        package: tuple(sorted({d for d in owners.get(package, ()) if d != DISTRIBUTION}))
        for package in PACKAGES
    }
    return {package: names for package, names in found.items() if names}


def refuse_foreign_owner() -> None:
    """Exit 2 when another installed distribution owns one of our package names."""
    foreign = foreign_owners(packages_distributions())
    if not foreign:
        return
    for package, names in foreign.items():
        sys.stderr.write(f"The Python package '{package}' also belongs to: {', '.join(names)}\n")
    sys.stderr.write("Install Wardwatch in an environment of its own, then start it again.\n")
    raise SystemExit(2)
