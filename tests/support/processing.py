"""The process fold for tests: one evaluation, from acts and steps to messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from alerts.course import Course
from alerts.deadlines import Settings
from alerts.events import Incident
from alerts.outbox import Message
from alerts.people import Act
from alerts.terms import Terms
from alerts.transitions import Transition, TransitionKind
from collector.businesshours import hours_of
from collector.messages import messages
from collector.process import advance, gathered
from probes.config import Config


def settings(config: Config, system: str = "ehr", *, calm_since: int | None = None) -> Settings:
    """Those of a config with one version, of a system in it."""
    definition = config.systems[system]
    return Settings(
        Terms(config.policy, definition.impact, definition.depends_on),
        hours_of(config),
        config.organization.zone,
        calm_since,
    )


def evaluated(
    config: Config,
    steps: Sequence[tuple[Transition, int]],
    now: int,
    *,
    acts: Iterable[tuple[str, Act]] = (),
    known: Iterable[Incident] = (),
    told: Mapping[tuple[str, str], int] | None = None,
) -> list[Message]:
    """What one evaluation sends; `known` were opened before it, at their start."""

    def terms(course: Course) -> Settings:
        system = course.incident.system
        return settings(config, system if system in config.systems else next(iter(config.systems)))

    earlier = [(Transition(TransitionKind.OPENED, one), one.started_at) for one in known]
    cases = dict(advance({}, (), earlier, (), terms, now).cases)
    found = advance(cases, acts, steps, (), terms, now)
    cases |= found.cases
    said = [*found.said, *gathered(found.groups, steps, cases, now), *found.noticed]
    return [one.message for one in messages(said, found.groups, told or {}, config, now)]
