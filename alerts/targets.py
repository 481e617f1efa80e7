"""Whom a rung reaches: its targets, as they are at the instant it is told. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from alerts.events import Incident
from alerts.ladder import Ladder, Reached, RungDue
from alerts.paging import is_routed
from alerts.receivers import everybody, is_for_customers, of_role, reached
from alerts.roster import on_duty
from alerts.routing import receivers
from probes.config import Config
from probes.config_escalation import Target
from probes.history import History

Reach = Callable[[Ladder, RungDue, Incident, int], Reached]


def nobody(_ladder: Ladder, _rung: RungDue, _incident: Incident, _at: int) -> Reached:
    """Where no ladder is told."""
    return Reached(None, ())


def reaching(history: History) -> Reach:
    """By the contacts, channels and routes of the latest version, and by who is on duty at the
    instant of the rung, overrides included that were made by then.

    A rung that reaches nobody is told at once to the next one that does, from the first again after
    the last; where none does, to the channels of the routes that brought it here. Whom Alertmanager
    pages is not called.
    """
    config = history.latest

    def of(ladder: Ladder, rung: RungDue, incident: Incident, at: int) -> Reached:
        rungs = ladder.policy.rungs
        for n in range(rung.number - 1, rung.number - 1 + len(rungs)):
            number = n % len(rungs)
            found = dict.fromkeys(
                name
                for one in rungs[number].to
                for name in _reached(history, one, at)
                if _is_called(config, name, incident)
            )
            if found:
                return Reached(number + 1, tuple(found))
        return Reached(None, _routed(config, ladder, rung, incident))

    return of


def _reached(history: History, target: Target, at: int) -> Iterator[str]:
    """What the config no longer has reaches nobody."""
    config = history.latest
    if target.channel is not None and target.channel in everybody(config):
        yield target.channel
    if target.contact is not None:
        yield from reached(config, [target.contact])
    if target.role is not None:
        yield from reached(config, of_role(config, target.role))
    if target.on_call is not None:
        person = on_duty(history, target.on_call, at)
        yield from () if person is None else reached(config, [person])


def _is_called(config: Config, receiver: str, incident: Incident) -> bool:
    """Customers are not called for help, whatever they were when the incident began."""
    return is_routed(config, receiver, incident.family) and not is_for_customers(config, receiver)


def _routed(config: Config, ladder: Ladder, rung: RungDue, incident: Incident) -> tuple[str, ...]:
    """Of the routes with this policy, else of all that fit."""
    fitting = [route for route in config.routes if route.escalate == ladder.name]
    for routes in (fitting, config.routes):
        named = receivers(routes, incident.family, rung.rank.priority, incident.causes)
        staff = tuple(name for name in named if _is_called(config, name, incident))
        if staff:
            return staff
    return ()
