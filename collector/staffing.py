"""What `config check` says of who is on duty in the days to come. Pure."""

from __future__ import annotations

from alerts import roster
from alerts.roster import Gap
from probes import times
from probes.config import Config

AHEAD_DAYS = 14
"""So far people look at who will be on duty."""
AHEAD_MS = AHEAD_DAYS * 86_400_000


def remarks(config: Config, now: int) -> list[str]:
    """A sentence for each role of `staffing` that is short; `now` is UTC ms."""
    found = roster.gaps_of(config, now, now + AHEAD_MS)
    return [
        _sentence(config, mine)
        for role in config.staffing
        if (mine := [gap for gap in found if gap.role == role])
    ]


def _sentence(config: Config, found: list[Gap]) -> str:
    first, zone = found[0], config.organization.zone
    start, end = (times.from_ms(t, zone) for t in (first.start, first.end))
    more = len(found) - 1
    again = f", and {more} {'time' if more == 1 else 'times'} more" if more else ""
    return (
        f"in the next {AHEAD_DAYS} days {first.role.replace('_', ' ')} is short: {first.have} of "
        f"{first.need} on duty from {start:%a %Y-%m-%d %H:%M %Z} to {end:%a %Y-%m-%d %H:%M %Z}"
        f"{again}; see `wardwatch rota gaps --config`"
    )
