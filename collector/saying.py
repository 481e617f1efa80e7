"""What one evaluation says: from the truth, and from what people have done, to the plan. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from alerts.conditions import outages, read
from alerts.course import Course
from alerts.deadlines import Deadline, Settings
from alerts.events import Family, Incident, State, SystemView
from alerts.routing import ladders
from alerts.targets import reaching
from alerts.terms import agreed, terms_of, version_in_force
from alerts.transitions import BEGINNING, Transition, match, transitions
from collector import changes
from collector.announcing import Announced, announced
from collector.businesshours import hours_of
from collector.commit import Following, News, Past, Plan, Planned
from collector.deriving import Deriving, Views
from collector.frozenholidays import Frozen
from collector.journal import Fact
from collector.messages import Told, messages
from collector.occasions import occasions, shown_for
from collector.process import Advance, Case, advance, gathered, with_sent
from collector.process_facts import arrival_fact, deadline_fact
from collector.sightings import Sighting
from collector.store.incidents import Flips, Place, Recorded
from collector.store.ledger import Chain
from collector.store.ranges import Ranges
from collector.store.rollups import RollupRow
from collector.store.snapshots import Snapshots
from collector.truths import Live
from probes.history import History
from probes.spans import Interval


@dataclass(frozen=True, slots=True)
class Seen:
    """The truth at `now` (UTC ms). `still`: nothing has changed since the last look that the rules
    go by. `deep` are systems settled no further than a transition asks
    for, `held` the batches read so far, `rollups`, `snapshots` and `sighted` what is to be kept
    with it.
    """

    now: int
    history: History
    frozen: Frozen
    folded: Mapping[str, Live]
    still: bool
    deep: Mapping[str, Live]
    held: Mapping[Chain, Ranges]
    rollups: Sequence[RollupRow]
    snapshots: Snapshots | None
    sighted: Sequence[Sighting] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """What the rules make of the truth, whatever people do: `dated` are their steps, each with
    its `at`; `dues` when time alone changes what they say, by the recorded incident's key.
    """

    views: Mapping[str, SystemView]
    dated: Sequence[tuple[Transition, int]]
    dues: Mapping[str, int]
    places: dict[Place, Flips]


def show(past: Past, seen: Seen, deriving: Deriving) -> Shown:
    """TooDeepError names systems whose moments are hidden by what is settled of them. `deriving`
    knows what earlier looks have derived; it changes nothing of what is shown.
    """
    now, history = seen.now, seen.history
    views = Views(seen.folded, now)
    places = deriving.places(seen.folded, views)
    if seen.still:
        return Shown(views, (), past.dues, places)
    found = deriving.derive(seen.folded, views, history, now)
    derived = found.incidents
    said = {key: row.incident for key, row in past.incidents.items()}
    matched = match(said.values(), derived, history)
    known = {key: incident.key for key, incident in matched.items()}
    return Shown(
        views,
        _dated(past, said, derived, matched, views, seen),
        {known.get(key, key): due for key, due in found.dues.items()},
        places,
    )


def plan(past: Past, news: News, seen: Seen, shown: Shown) -> Planned:
    """`past` is not changed."""
    now, history, dated = seen.now, seen.history, shown.dated
    steps = advance(
        past.cases,
        news.acts,
        dated,
        news.arrivals,
        settings_of(shown.views, history, seen.frozen, now),
        now,
        reaching(history),
    )
    written, facts = changes.rows(dated, past.incidents)
    rows = {row.incident.key: row for row in written}

    def incident(key: str) -> Recorded:
        return rows[key] if key in rows else past.incidents[key]

    told = _told(past, steps, dated, seen)
    about: dict[str, list[Told]] = {}
    for one in told:
        about.setdefault(one.message.incident_key, []).append(one)
    facts += _process_facts(news, steps, about, incident)
    cases = {key: _sent(case, about.get(key, ())) for key, case in steps.cases.items()}
    moved = _moved(past, cases, shown.dues, incident)
    places = shown.places
    flipped = {p: (known, f) for p, f in places.items() if (known := past.flips.get(p, ())) != f}
    whole = past.history is None or past.flips.keys() != places.keys()
    spoken = _announced(past, history, now)
    sent = [*(one.message for one in told), *spoken.messages]
    return Planned(
        Plan(
            now=now,
            facts=facts,
            incidents=[moved.get(key, row) for key, row in rows.items()],
            messages=sent,
            flips=flipped,
            states=changes.states(places, {} if whole else past.flips, now),
            states_whole=whole,
            folded={c: r for c, r in seen.held.items() if past.folded.get(c) != r},
            rollups=seen.rollups,
            snapshots=seen.snapshots,
            dues={
                key: (past.incidents[key].next_due, row.next_due)
                for key, row in moved.items()
                if key not in rows
            },
            taken=news.taken,
            sighted=seen.sighted,
            systems={name: check.system for name, check in history.latest.checks.items()},
        ),
        Following(
            incidents={**rows, **moved},
            cases=cases,
            told={(m.incident_key, m.receiver): m.seq for m in sent},
            flips=places,
            dues=shown.dues,
            folded=dict(seen.held),
            history=history,
            as_of=now,
            announce_due=spoken.due,
        ),
    )


def _announced(past: Past, history: History, now: int) -> Announced:
    """Looked for anew where time or a version may have brought some."""
    due = past.announce_due
    if past.history is history and (due is None or due > now):
        return Announced((), due)
    return announced(past.told, history, now)


def _dated(
    past: Past,
    said: Mapping[str, Incident],
    derived: Sequence[Incident],
    matched: Mapping[str, Incident],
    views: Mapping[str, SystemView],
    seen: Seen,
) -> list[tuple[Transition, int]]:
    """The steps of the rules from what is recorded to what the truth shows, each with its `at`."""
    found = shown_for(transitions(said, derived, seen.history), derived, matched)
    instants = occasions(
        found, derived, seen.folded, seen.deep, seen.history, since=past.as_of, now=seen.now
    )
    return [
        (_under(changes.in_order(transition, shown), views, seen.history), at)
        for (transition, shown), at in zip(found, instants, strict=True)
    ]


def _under(step: Transition, views: Mapping[str, SystemView], history: History) -> Transition:
    """A first step with the version whose terms the incident has: no later reader has to know what
    was down then.
    """
    if step.kind not in BEGINNING:
        return step
    incident = step.incident
    down = _outages(views, incident.system)
    version = version_in_force(history, down, incident.system, incident.started_at)
    return replace(step, config=version.id)


def _outages(views: Mapping[str, SystemView], system: str) -> Sequence[Interval]:
    view = views.get(system)
    return () if view is None else outages(view.states)


def _told(
    past: Past,
    steps: Advance,
    dated: Sequence[tuple[Transition, int]],
    seen: Seen,
) -> list[Told]:
    if not (steps.said or steps.noticed or dated):
        return []
    said = [*steps.said, *gathered(steps, dated, past.cases, seen.now), *steps.noticed]
    return messages(said, steps.groups, past.told, seen.history, seen.now)


def settings_of(
    views: Mapping[str, SystemView], history: History, frozen: Frozen, now: int
) -> Callable[[Course], Settings]:
    """Terms, hours and calm of incidents, but for the clocks of what hangs on them."""

    def of(course: Course) -> Settings:
        incident, view = course.incident, views.get(course.incident.system)
        system = incident.system
        down = _outages(views, system) if course.config is None else ()
        config = agreed(history, course.config, down, system, incident.started_at)
        calm_since = None if view is None else _calm_since(view, incident, history, now)
        return Settings(
            terms_of(config, system),
            hours_of(config, frozen),
            config.organization.zone,
            calm_since,
            ladders=ladders(config, incident.family, course.rejected_at),
        )

    return of


def _calm_since(view: SystemView, incident: Incident, history: History, now: int) -> int | None:
    """Since when an open incident shows no trouble, up to now."""
    up = bool(view.states) and view.states[-1].value is State.UP
    if incident.recovered_at is not None or (incident.family is Family.AVAILABILITY and not up):
        return None
    calm = read(view, history, now).condition(incident.family).calm
    return calm[-1].start if calm and calm[-1].end >= now else None


def _process_facts(
    news: News,
    steps: Advance,
    told: Mapping[str, Sequence[Told]],
    incident: Callable[[str], Recorded],
) -> list[tuple[str, Fact]]:
    arrived = [
        (arrival.key, arrival_fact(arrival, incident(arrival.key).version))
        for arrival in news.arrivals
    ]
    due = [
        (
            key,
            deadline_fact(
                key, incident(key).version, deadline, _messages_of(told.get(key, ()), deadline)
            ),
        )
        for key, deadline in steps.come_due
    ]
    return arrived + due


def _messages_of(told: Sequence[Told], deadline: Deadline) -> list[tuple[str, str]]:
    return [(one.message.id, one.message.receiver) for one in told if deadline.which in one.about]


def _sent(case: Case, told: Sequence[Told]) -> Case:
    return with_sent(
        case,
        ((one.message.id, which, one.message.receiver) for one in told for which in one.about),
    )


def _moved(
    past: Past,
    cases: Mapping[str, Case],
    dues: Mapping[str, int],
    incident: Callable[[str], Recorded],
) -> dict[str, Recorded]:
    """Rows whose next deadline is another one now, its own and the rules' of this very incident."""
    changed = {
        key
        for key in {*past.dues, *dues}
        if past.dues.get(key) != dues.get(key) and key in past.cases
    }
    out: dict[str, Recorded] = {}
    for key in sorted({*cases, *changed}):
        case, row = cases[key] if key in cases else past.cases[key], incident(key)
        ruled = dues.get(key) if row.status == changes.OPEN else None
        due = earliest([case.look_at, ruled])
        if due != row.next_due:
            out[key] = replace(row, next_due=due)
    return out


def earliest(instants: Iterable[int | None]) -> int | None:
    return min((t for t in instants if t is not None), default=None)
