"""Approved maintenance that begins or ends, told once to the channels that show changes. Pure.

What is approved, when it begins and when it is over follow from the versions and acts alone: that
a system is down meanwhile changes what an occurrence excludes, not that people work on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from alerts.outbox import Message, message_id
from alerts.render import MaintenanceStep, render_maintenance
from collector.core.planned import Planned, planned
from collector.core.windows import excluded, occurrences_of
from probes.history import History

DAY_MS = 86_400_000
LATE_MS = 3 * DAY_MS
"""An end that is found later than this is told no more: as old as a message may become."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What is to be told now, and the earliest `now` at which there may be more."""

    messages: Sequence[Message] = ()
    due: int | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """An approved occurrence over `[start, end)`, of all systems it is approved for."""

    window: str
    start: int
    end: int
    systems: tuple[str, ...]

    @property
    def key(self) -> str:
        """Stands for an incident's in the outbox; no system can have the underscore."""
        return f"maintenance_window.{self.window}.{self.start}"


def announced(told: Mapping[tuple[str, str], int], history: History, now: int) -> Announced:
    """`told` is the last `seq` each (key, receiver) was given.

    That it begins is told until it is over, however late; that it is over to whom heard that it began.
    """
    config = history.latest
    hearing = [name for name, channel in config.channels.items() if channel.shows_changes]
    if not hearing:
        return Announced()
    found: list[Message] = []
    dues = [now + DAY_MS]
    for one in work(history, now - LATE_MS, now + DAY_MS):
        dues += [t for t in (one.start, one.end) if t > now]
        for receiver in hearing:
            seq = told.get((one.key, receiver), 0)
            if one.start <= now < one.end and seq == 0:
                found.append(_message(one, MaintenanceStep.BEGAN, receiver, history, now))
            elif one.end <= now and seq == 1:
                found.append(_message(one, MaintenanceStep.ENDED, receiver, history, now))
    return Announced(found, min(dues))


def work(history: History, since: int, until: int) -> list[Work]:
    """Approved occurrences that start before `until` and end after `since`, by (start, id)."""
    found: dict[tuple[int, str], dict[str, int]] = {}
    for plans, systems in _alike(history, since, until):
        for one in occurrences_of(plans, systems[0], history, (), since, until):
            if parts := excluded([one]):
                ends = found.setdefault((one.start, one.id), {})
                ends |= dict.fromkeys(systems, parts[-1].end)
    return [
        Work(name, start, max(ends.values()), tuple(sorted(ends)))
        for (start, name), ends in sorted(found.items())
    ]


def _alike(
    history: History, since: int, until: int
) -> Iterator[tuple[Sequence[Planned], list[str]]]:
    """Systems that have all their windows of that time together, so that one is asked for all; with
    those windows alone, for there may be many.
    """
    plans = planned(history, recorded=True)
    windows: dict[str, list[int]] = {}
    for number, plan in enumerate(plans):
        if max(plan.start, since) < min(plan.end, until):
            for system in plan.window.systems:
                windows.setdefault(system, []).append(number)
    alike: dict[tuple[int, ...], list[str]] = {}
    for system, numbers in windows.items():
        alike.setdefault(tuple(numbers), []).append(system)
    for together, systems in alike.items():
        yield [plans[number] for number in together], systems


def _message(
    one: Work, step: MaintenanceStep, receiver: str, history: History, now: int
) -> Message:
    config = history.latest
    org, seq = config.organization.id, 1 if step is MaintenanceStep.BEGAN else 2
    name = message_id(org, one.key, receiver, seq)
    body = render_maintenance(
        config,
        step,
        one.window,
        one.systems,
        message_id=name,
        receiver=receiver,
        start=one.start,
        end=one.end,
    )
    return Message(name, org, one.key, receiver, seq, body, now, now)
