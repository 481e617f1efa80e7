"""Which time approved maintenance takes out (semantics 4).

A window of the file acts while a version that has it is in force, one that somebody proposed beside
the file from its proposal to a new one of its id, or until the file takes the id. It takes time out
only if somebody else approved exactly this content, recorded before the occurrence starts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from collector.verifyscript.recurring import occurrences_of, zone_of
from collector.verifyscript.spans import FAR, Stretch, united, within, without
from collector.verifyscript.spelling import canonical
from collector.verifyscript.states import Outage
from collector.verifyscript.terms import Terms

_CONTENT = ("id", "systems", "start", "end", "timezone", "rrule", "exdate", "expect_down")


class Act(NamedTuple):
    """What somebody did beside the file, as recorded: `kind` is proposed, approved, cancelled or
    finished. `digest` names the content proposed or approved, `row` is the journal's.
    """

    kind: str
    window: str
    by: str
    at: int
    digest: str | None = None
    content: Any = None
    row: int = 0


class Occurrence(NamedTuple):
    """`why`: what stands in the way, or None. `parts`: the time it takes out."""

    window: str
    start: int
    end: int
    why: str | None
    parts: list[Stretch]


class Plan(NamedTuple):
    """One content of a window, standing over [start, end). Approvals are (at, by)."""

    start: int
    end: int
    window: Any
    proposer: str
    approvals: list[tuple[int, str]]
    cancelled: int
    finished: list[int]

    def approval(self) -> tuple[int, str] | None:
        """The first by another than the proposer; where there is none, the first."""
        others = [one for one in self.approvals if one[1] != self.proposer]
        return min(others or self.approvals, default=None)


def digest_of(window: Any) -> str:
    """SHA-256 of when and what, 64 hexadecimal digits; who says so is no part of it."""
    content = {name: window[name] for name in _CONTENT}
    content["systems"] = sorted(content["systems"])
    content["exdate"] = sorted(content["exdate"])
    return hashlib.sha256(canonical(content)).hexdigest()


def occurrences(
    system: str,
    recorded: Sequence[Terms],
    acts: Sequence[Act],
    outages: Sequence[Outage],
    since: int,
    until: int,
) -> list[Occurrence]:
    """Those of the system that start before `until` and end after `since`, by (start, id)."""
    found: dict[tuple[int, str], Occurrence] = {}
    for plan in plans_of(recorded, acts):
        if system not in plan.window["systems"] or plan.start >= plan.end:
            continue
        if not max(plan.start, since) < min(plan.end, until):
            continue
        for start, whole_end in _written(plan.window, min(plan.end, until)):
            end = next((t for t in plan.finished if start <= t < whole_end), whole_end)
            key = (start, plan.window["id"])
            before = found.get(key)
            is_over = max(end, start + 1) <= max(plan.start, since)
            if is_over and (before is None or whole_end <= plan.start):
                continue
            one = _judged(plan, start, end, outages)
            if before is not None:  # another version had it for the time before
                one = one._replace(parts=united([*before.parts, *one.parts]))
            # a finish that a file tells late ends it when that version is recorded
            found[key] = one._replace(end=max([one.end, *(right for _, right in one.parts)]))
    return [found[key] for key in sorted(found)]


def plans_of(recorded: Sequence[Terms], acts: Sequence[Act]) -> list[Plan]:
    """Every content that any window ever had, and when."""
    return [*_of_files(recorded, acts), *_of_acts(recorded, acts)]


def _written(window: Any, until: int) -> list[tuple[int, int]]:
    zone = zone_of(window["timezone"])
    return occurrences_of(
        window["start"], window["end"], zone, window["rrule"], window["exdate"], until
    )


def _judged(plan: Plan, start: int, end: int, outages: Sequence[Outage]) -> Occurrence:
    approval = plan.approval()
    why: str | None = None
    if start >= plan.cancelled:
        why = "cancelled"
    elif approval is None:
        why = "unapproved"
    elif approval[1] == plan.proposer:
        why = "self_approved"
    elif approval[0] >= start:
        why = "approved_late"
    if why is not None or approval is None:
        return Occurrence(plan.window["id"], start, end, why, [])
    if end <= start:
        return Occurrence(plan.window["id"], start, end, "empty", [])
    # an approval given in an open outage takes nothing of that outage out
    staying = united(
        (one.start, FAR if one.end is None else one.end)
        for one in outages
        if one.start <= approval[0] and (one.end is None or approval[0] < one.end)
    )
    parts = without([(start, end)], staying)
    why = None if parts == [(start, end)] else "during_outage"
    return Occurrence(plan.window["id"], start, end, why, within(parts, plan.start, plan.end))


def _segments(recorded: Sequence[Terms]) -> list[tuple[int, int, Terms]]:
    """Windows wait for no outage: a version acts from its recording to the next one's."""
    ends = [*(terms.at for terms in recorded[1:]), FAR]
    return [(terms.at, end, terms) for terms, end in zip(recorded, ends) if terms.at < end]


def _came_true(recorded: Sequence[Terms]) -> list[tuple[int, Act]]:
    """Cancellations and finishes of files whose time had come while their version was in force: they
    stand, also when a later version drops them. With the instant their version was recorded.
    """
    found: list[tuple[int, Act]] = []
    for start, end, terms in _segments(recorded):
        for window in terms.config["maintenance"]:
            said = [("finished", act) for act in window["finished"]]
            if window["cancelled"] is not None:
                said.append(("cancelled", window["cancelled"]))
            for kind, act in said:
                at = terms.ms(act["at"])
                if at < end:
                    found.append((start, Act(kind, window["id"], act["by"], at)))
    return found


def _of_files(recorded: Sequence[Terms], acts: Sequence[Act]) -> list[Plan]:
    first_with: dict[bytes, int] = {}
    for terms in recorded:
        for window in terms.config["maintenance"]:
            first_with.setdefault(_approved(window), terms.at)
    plans: list[Plan] = []
    came_true = _came_true(recorded)
    for start, end, terms in _segments(recorded):
        beside = [*acts, *(act for since, act in came_true if since < start)]
        for window in terms.config["maintenance"]:
            approvals = _approvals(acts, window["id"], digest_of(window))
            said = window["approval"]
            if said is not None:
                at = max(terms.ms(said["at"]), first_with[_approved(window)])
                approvals = [(at, said["by"]), *approvals]
            cancelled, finished = _ended(beside, window["id"])
            if window["cancelled"] is not None:
                cancelled = min(cancelled, terms.ms(window["cancelled"]["at"]))
            finished = sorted({*finished, *(terms.ms(act["at"]) for act in window["finished"])})
            proposer = window["proposed"]["by"]
            plans.append(Plan(start, end, window, proposer, approvals, cancelled, finished))
    return plans


def _of_acts(recorded: Sequence[Terms], acts: Sequence[Act]) -> list[Plan]:
    plans: list[Plan] = []
    came_true = _came_true(recorded)
    for act in acts:
        if act.kind != "proposed" or act.content is None:
            continue
        ends = [
            a.at for a in acts if (a.kind, a.window) == (act.kind, act.window) and a.at > act.at
        ]
        ends += [
            start
            for start, _, terms in _segments(recorded)
            if start > act.at and any(w["id"] == act.window for w in terms.config["maintenance"])
        ]
        end = min(ends, default=FAR)
        approvals = _approvals(
            [a for a in acts if act.at <= a.at < end], act.window, act.digest or ""
        )
        beside = [*acts, *(a for since, a in came_true if since < act.at)]
        plans.append(Plan(act.at, end, act.content, act.by, approvals, *_ended(beside, act.window)))
    return plans


def _approved(window: Any) -> bytes:
    """What an approval in a file is of: all but how it went on."""
    return canonical({**window, "cancelled": None, "finished": []})


def _approvals(acts: Sequence[Act], window: str, digest: str) -> list[tuple[int, str]]:
    return [
        (act.at, act.by)
        for act in acts
        if (act.kind, act.window, act.digest) == ("approved", window, digest)
    ]


def _ended(acts: Sequence[Act], window: str) -> tuple[int, list[int]]:
    """When it was first cancelled, and every instant at which somebody finished it."""
    own = [act for act in acts if act.window == window]
    cancelled = min((act.at for act in own if act.kind == "cancelled"), default=FAR)
    return cancelled, sorted(act.at for act in own if act.kind == "finished")
