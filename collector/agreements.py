"""What stands in the file of agreements with receivers (business associate agreements, BAA). Pure.

No patient's data leaves by a channel, with or without one; a hospital's auditor asks all the same who
the receivers are and what was agreed with them.
"""

from __future__ import annotations

from datetime import date, timedelta

from probes.config import Config
from probes.config_channels import Baa

AHEAD = timedelta(days=60)
"""An agreement that ends so soon is worth a word: they take weeks to renew."""


def in_force(baa: Baa, day: date) -> bool:
    """It covers the receiver, and its last day, if it has one, is not before `day`."""
    return baa.covered and (baa.until is None or date.fromisoformat(baa.until) >= day)


def remarks(config: Config, today: date) -> list[str]:
    """Sentences for `config check`: who is not covered, what has ended or soon does, what is not said."""
    agreed = {name: one.baa for name, one in config.channels.items()}
    covered = {name: baa for name, baa in agreed.items() if baa is not None and baa.covered}
    ends = {n: date.fromisoformat(b.until) for n, b in covered.items() if b.until is not None}
    found = {
        "no business associate agreement with the receivers of": sorted(agreed.keys() - covered),
        "agreements that have ended": [
            f"{name} on {end}" for name, end in ends.items() if end < today
        ],
        f"agreements that end within {AHEAD.days} days": [
            f"{name} on {end}" for name, end in ends.items() if today <= end <= today + AHEAD
        ],
        "agreements without ref, verified_by or until": [
            name
            for name, baa in covered.items()
            if baa.ref is None or baa.verified_by is None or baa.until is None
        ],
    }
    return [f"{what}: {', '.join(names)}" for what, names in found.items() if names]
