"""The process told again from the exported sequence alone: versions, and rows about incidents."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from alerts.course import Course
from alerts.deadlines import Deadline, DeadlineKind, Settings, Which
from alerts.people import Act
from alerts.routing import ladders
from alerts.targets import reaching
from alerts.terms import terms_of
from alerts.transitions import Transition
from collector import journal, versions
from collector.businesshours import hours_of
from collector.journal import Row
from collector.messages import Told, messages
from collector.process import Advance, Arrival, Case, advance, gathered, with_sent
from collector.process_facts import ARRIVED, DEADLINES, STEPS, acts_of, deadline_of, step_of
from probes.history import History


@dataclass
class Evaluation:
    """Rows one evaluation wrote, `acts` those people did since the one before."""

    now: int
    history: History
    acts: list[tuple[str, Act, int]]
    steps: list[tuple[Transition, int]] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    deadlines: list[tuple[str, Deadline]] = field(default_factory=list)
    sent: dict[tuple[str, Which], list[list[str]]] = field(default_factory=dict)


def evaluations(rows: Sequence[Row]) -> list[Evaluation]:
    """What the rules and the clock wrote at one instant, steps before arrivals before deadlines,
    nothing else between: written together. Acts at the end are an evaluation without rows.
    """
    out: list[Evaluation] = []
    acts: list[tuple[str, Act, int]] = []
    ruled: list[Row] = []
    now, place = -1, 0
    for row in rows:
        data = json.loads(row.data)
        if row.kind in versions.KINDS:
            ruled.append(row)
            acts = [(key, act, behind + 1) for key, act, behind in acts]
            now = -1
            continue
        if row.kind in STEPS and "by" not in data:
            rank = 0
        elif row.kind == ARRIVED:
            rank = 1
        elif row.kind in DEADLINES:
            rank = 2
        else:
            acts += ((key, act, 0) for key, act in acts_of([row]))
            now = -1
            continue
        if row.recorded_at != now or rank < place:
            out.append(Evaluation(row.recorded_at, versions.history(ruled), acts))
            acts = []
        now, place, one = row.recorded_at, rank, out[-1]
        if rank == 0:
            one.steps.append((step_of(STEPS[row.kind], data), row.at))
        elif rank == 1:
            which = Which(DeadlineKind(data["notice"]), data["of"], data["occasion"])
            one.arrivals.append(Arrival(data["key"], which, data["receiver"], row.at))
        else:
            deadline = deadline_of(DEADLINES[row.kind], data, row.at)
            one.deadlines.append((data["key"], deadline))
            if "sent" in data:
                one.sent[data["key"], deadline.which] = data["sent"]
    if acts:
        out.append(Evaluation(rows[-1].recorded_at, versions.history(ruled), acts))
    return out


@dataclass
class Again:
    """What comes of the sequence."""

    cases: dict[str, Case] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    seqs: dict[tuple[str, str], int] = field(default_factory=dict)

    def take(self, one: Evaluation) -> None:
        cases = {key: replace(case, look_at=0) for key, case in self.cases.items()}
        done = self._advance(cases, one, {})
        calm = withheld(done, one)
        if calm:
            done = self._advance(cases, one, calm)
        assert done.come_due == one.deadlines
        said = [
            *done.said,
            *gathered(done, one.steps, self.cases, one.now),
            *done.noticed,
        ]
        found = messages(said, done.groups, self.seqs, one.history, one.now)
        self.told += found
        self.seqs |= {(t.message.incident_key, t.message.receiver): t.message.seq for t in found}
        self.cases |= done.cases
        for (key, which), sent in one.sent.items():
            ids = [
                [t.message.id, t.message.receiver]
                for t in found
                if t.message.incident_key == key and which in t.about
            ]
            assert ids == sent
        for told in found:
            key = told.message.incident_key
            if key in self.cases:
                about = ((told.message.id, which, told.message.receiver) for which in told.about)
                self.cases[key] = with_sent(self.cases[key], about)

    def _advance(self, cases: dict[str, Case], one: Evaluation, calm: Mapping[str, int]) -> Advance:
        return advance(
            cases,
            one.acts,
            one.steps,
            one.arrivals,
            self._settings(one.history, calm),
            one.now,
            reaching(one.history),
        )

    def _settings(self, history: History, calm: Mapping[str, int]) -> Callable[[Course], Settings]:
        def of(course: Course) -> Settings:
            assert course.config is not None
            version = history.numbered(course.config)
            assert version is not None
            incident, config = course.incident, version.config
            return Settings(
                terms_of(config, incident.system),
                hours_of(config),
                config.organization.zone,
                calm.get(incident.key),
                ladders=ladders(config, incident.family, course.rejected_at),
            )

        return of


def withheld(done: Advance, one: Evaluation) -> dict[str, int]:
    """Since when an incident was calm, by key, where something that had come due was not told.

    That a system is up, and may stay so, is no event; what waits because of it is.
    """
    missing = [pair for pair in done.come_due if pair not in one.deadlines]
    return {
        key: min(deadline.at for _, deadline in group)
        for key, group in groupby(missing, key=lambda pair: pair[0])
    }


def again(rows: Sequence[Row]) -> Again:
    assert rows[0].kind == journal.CONFIG
    out = Again()
    for one in evaluations(rows):
        out.take(one)
    return out
