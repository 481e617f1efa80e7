"""What `config check` says of who is on duty in the days to come. Pure."""

from __future__ import annotations

from alerts import roster
from probes import times
from probes.config import Config
from probes.spans import Interval

AHEAD_DAYS = 14
"""So far people look at who will be on duty."""
AHEAD_MS = AHEAD_DAYS * 86_400_000


def remarks(config: Config, now: int) -> list[str]:
    """A sentence for each role of `staffing` that is short, and for each schedule that an
    escalation counts on and that has nobody; `now` is UTC ms.
    """
    end = now + AHEAD_MS
    found = roster.gaps_of(config, now, end)
    short = [
        _sentence(
            config,
            f"{role.replace('_', ' ')} is short: {mine[0].have} of {mine[0].need} on duty",
            [Interval(gap.start, gap.end) for gap in mine],
        )
        for role in config.staffing
        if (mine := [gap for gap in found if gap.role == role])
    ]
    empty = [
        _sentence(config, f"nobody is on duty in {name}, whom an escalation tells,", holes)
        for name in _told(config)
        if (holes := roster.unmanned(config, name, now, end))
    ]
    return [*short, *empty]


def _told(config: Config) -> list[str]:
    """Schedules that stand on a rung, each once, in the order of the file."""
    named = {
        target.on_call
        for policy in config.escalation.values()
        for rung in policy.rungs
        for target in rung.to
    }
    return [name for name in config.on_call if name in named]


def _sentence(config: Config, what: str, found: list[Interval]) -> str:
    """The first is told, the others are counted."""
    zone = config.organization.zone
    start, end = (times.from_ms(t, zone) for t in (found[0].start, found[0].end))
    more = len(found) - 1
    again = f", and {more} {'time' if more == 1 else 'times'} more" if more else ""
    return (
        f"in the next {AHEAD_DAYS} days {what} from {start:%a %Y-%m-%d %H:%M %Z} to "
        f"{end:%a %Y-%m-%d %H:%M %Z}{again}; see `wardwatch rota show --config`"
    )
