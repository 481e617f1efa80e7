"""The difference between what is recorded and what the truth now shows. Pure.

Recorded incidents are never undone: key, start and causes stay, a category never falls, what
the truth no longer shows is recovered with the kind `corrected`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from alerts.events import Family, Incident
from alerts.terms import terms
from probes.history import History

SELF_RESOLVING = 2
"""The highest category that resolves by itself after recovery (semantics 5)."""


class TransitionKind(StrEnum):
    OPENED = "opened"
    FOUND_LATE = "found_late"
    REOPENED = "reopened"
    CAUSE_ADDED = "cause_added"
    SITE_ADDED = "site_added"
    RAISED = "raised"
    ATTACHED = "attached"
    PARTED = "parted"
    PAGED = "paged"
    RECOVERED = "recovered"
    CORRECTED = "corrected"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Transition:
    """`incident` is the whole incident after this step; its `key` is the recorded one. `config`,
    of a first step: the number of the config version whose terms the incident has.
    """

    kind: TransitionKind
    incident: Incident
    config: int | None = None


BEGINNING = frozenset({TransitionKind.OPENED, TransitionKind.FOUND_LATE})
"""First steps."""


def transitions(
    recorded: Mapping[str, Incident], derived: Sequence[Incident], history: History
) -> list[Transition]:
    """The steps that bring what is recorded up to what the truth shows, in order.

    Both must reach back equally far: a recorded incident without counterpart in `derived` is
    corrected. Ends come before beginnings, so no prefix has two open incidents of one family.
    """
    matched = match(recorded.values(), derived, history)
    continued = {incident.key for incident in matched.values()}
    vanished = [
        old for key, old in recorded.items() if key not in continued and old.recovered_at is None
    ]
    lasting = {
        (old.system, old.family)
        for key, old in recorded.items()
        if key in continued and old.recovered_at is None
    }
    groups = [
        *(
            list(_changed(matched[new.key], new, lasting) if new.key in matched else _new(new))
            for new in derived
        ),
        *(list(_ended(old, old.started_at, TransitionKind.CORRECTED)) for old in vanished),
    ]
    groups = [group for group in groups if group]
    groups.sort(key=_order)
    return [transition for group in groups for transition in group]


def match(
    recorded: Iterable[Incident], derived: Sequence[Incident], history: History
) -> dict[str, Incident]:
    """Which recorded incident each derived one continues, by the derived key.

    Same system and family, and in this order: the same start; a derived one that covers the
    recorded start (evidence found later moved it back); the first derived one that starts
    inside the recorded one; the next derived one, if it starts at most `reopen_within` after
    the recorded end (semantics 5). Of several recorded ones the best agreeing continues. A
    recorded one has one counterpart at most, so what the truth keeps apart is never joined.
    """
    families: dict[tuple[str, Family], list[Incident]] = {}
    for incident in sorted(derived, key=lambda i: i.started_at):
        families.setdefault((incident.system, incident.family), []).append(incident)
    chosen: dict[str, tuple[Incident, Incident]] = {}
    for old in recorded:
        new = _counterpart(old, families.get((old.system, old.family), ()), history)
        if new is None:
            continue
        rival = chosen.get(new.key)
        if rival is None or _agreement(old, new) > _agreement(rival[0], new):
            chosen[new.key] = (old, new)
    return {key: old for key, (old, _) in chosen.items()}


def _counterpart(old: Incident, family: Sequence[Incident], history: History) -> Incident | None:
    for new in family:
        if new.started_at == old.started_at:
            return new
    for new in family:
        if new.started_at <= old.started_at < _end(new):
            return new
    for new in family:
        if old.started_at < new.started_at < _end(old):
            return new
    for new in family:
        if new.started_at >= _end(old):
            policy = terms(history, (), old.system, old.started_at).policy
            return new if new.started_at - _end(old) <= policy.reopen_within else None
    return None


def _end(incident: Incident) -> float:
    return float("inf") if incident.recovered_at is None else incident.recovered_at


def _agreement(old: Incident, new: Incident) -> tuple[bool, bool, bool, bool, int, str]:
    """Judged so that the one chosen agrees best once the difference is recorded, too."""
    follows = old.started_at != new.started_at and _end(old) <= new.started_at
    return (
        not follows,
        old.recovered_at == new.recovered_at,
        old.recovered_at is None,
        old.recovered_at != old.started_at,
        old.started_at,
        old.key,
    )


def _new(incident: Incident) -> Iterator[Transition]:
    """A past outage found late is recorded as resolved, whatever its category: no page."""
    if incident.recovered_at is None:
        yield Transition(TransitionKind.OPENED, incident)
        return
    yield Transition(TransitionKind.FOUND_LATE, incident)
    yield Transition(TransitionKind.RESOLVED, incident)


def _changed(
    old: Incident, new: Incident, lasting: Container[tuple[str, Family]]
) -> Iterator[Transition]:
    """One step for each thing that differs, each carrying all steps before it.

    `lasting` are the families in which a recorded incident stays open: beside it a past one
    whose reopening is found late is corrected, not opened again.
    """
    now = old
    past = old.recovered_at is not None and new.recovered_at is not None
    again = new.reopened > old.reopened or (
        old.recovered_at is not None and new.recovered_at is None
    )
    if again and past and (old.system, old.family) in lasting:
        now = replace(
            now,
            recovered_at=new.recovered_at,
            reopened=new.reopened,
            flapping=old.flapping or new.flapping,
        )
        yield Transition(TransitionKind.CORRECTED, now)
    elif again:
        now = replace(
            now,
            recovered_at=None,
            reopened=max(old.reopened, new.reopened),
            flapping=old.flapping or new.flapping,
        )
        yield Transition(TransitionKind.REOPENED, now)
    for step in _gathered(now, new):
        now = step.incident
        yield step
    if new.recovered_at is not None and now.recovered_at is None:
        yield from _ended(now, new.recovered_at, TransitionKind.RECOVERED)
    elif new.recovered_at is not None and new.recovered_at != now.recovered_at:
        yield Transition(TransitionKind.CORRECTED, replace(now, recovered_at=new.recovered_at))


def _gathered(now: Incident, new: Incident) -> Iterator[Transition]:
    """What an incident gathers while it lasts; it pages after all it has to say is known."""
    for cause in new.causes:
        if cause not in now.causes:
            now = replace(now, causes=(*now.causes, cause))
            yield Transition(TransitionKind.CAUSE_ADDED, now)
    for site in new.sites:
        if site not in now.sites:
            now = replace(now, sites=(*now.sites, site))
            yield Transition(TransitionKind.SITE_ADDED, now)
    if new.category > now.category or new.priority < now.priority:
        now = replace(
            now,
            category=max(new.category, now.category),
            priority=min(new.priority, now.priority),
        )
        yield Transition(TransitionKind.RAISED, now)
    if new.attached_to != now.attached_to:
        now = replace(now, attached_to=new.attached_to)
        kind = TransitionKind.PARTED if new.attached_to is None else TransitionKind.ATTACHED
        yield Transition(kind, now)
    if now.quiet and not new.quiet:
        now = replace(now, quiet=False)
        yield Transition(TransitionKind.PAGED, now)


def _ended(incident: Incident, at: int, kind: TransitionKind) -> Iterator[Transition]:
    ended = replace(incident, recovered_at=at)
    yield Transition(kind, ended)
    if ended.category <= SELF_RESOLVING:
        yield Transition(TransitionKind.RESOLVED, ended)


def _order(group: Sequence[Transition]) -> tuple[int, int, str, str]:
    """Ends first, then what reopened and ended again, then what is open."""
    last = group[-1].incident
    rank = 2 if last.recovered_at is None else int(group[0].kind is TransitionKind.REOPENED)
    return rank, last.started_at, last.system, last.family
