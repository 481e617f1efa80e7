"""The process fold for tests: one evaluation, from acts and steps to messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from alerts.course import Course
from alerts.deadlines import Settings
from alerts.events import Incident
from alerts.outbox import Message
from alerts.people import Act
from alerts.routing import ladders
from alerts.targets import reaching
from alerts.terms import Terms
from alerts.transitions import Transition, TransitionKind
from collector.businesshours import hours_of
from collector.messages import messages
from collector.process import Case, advance, gathered
from probes.config import Config
from probes.history import History, Version


def settings(config: Config, system: str = "ehr", *, calm_since: int | None = None) -> Settings:
    """Those of a config with one version, of a system in it."""
    definition = config.systems[system]
    return Settings(
        Terms(config.policy, definition.impact, definition.depends_on),
        hours_of(config),
        config.organization.zone,
        calm_since,
    )


@dataclass
class Process:
    """The process fold from one evaluation to the next; `told` as the outbox has it."""

    cases: dict[str, Case] = field(default_factory=dict)
    told: dict[tuple[str, str], int] = field(default_factory=dict)

    def look(
        self,
        config: Config,
        steps: Sequence[tuple[Transition, int]],
        now: int,
        acts: Iterable[tuple[str, Act]] = (),
    ) -> list[Message]:
        """What one evaluation sends."""

        def terms(course: Course) -> Settings:
            system = course.incident.system
            known = system if system in config.systems else next(iter(config.systems))
            found = ladders(config, course.incident.family, course.rejected_at)
            return replace(settings(config, known), ladders=found)

        by_version = [(key, act, 0) for key, act in acts]
        history = History([Version(0, config)])
        found = advance(self.cases, by_version, steps, (), terms, now, reaching(history))
        said = [*found.said, *gathered(found, steps, self.cases, now), *found.noticed]
        self.cases |= found.cases
        sent = [one.message for one in messages(said, found.groups, self.told, history, now)]
        self.told |= {(one.incident_key, one.receiver): one.seq for one in sent}
        return sent


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
    process = Process()
    earlier = [(Transition(TransitionKind.OPENED, one), one.started_at) for one in known]
    process.look(config, earlier, now)
    process.told = dict(told or {})
    return process.look(config, steps, now, acts)
