"""What holds of every recorded sequence, however it came to be."""

from __future__ import annotations

import json
from collections import Counter
from itertools import groupby
from typing import Any

from alerts.people import PATIENT_SAFETY, ActKind
from alerts.permitted import HARM_SHOWS, PERMITTED
from alerts.transitions import BEGINNING, TransitionKind
from collector.journal import SYSTEM
from collector.process_facts import ARRIVED, DEADLINES, KINDS, STEPS, acts_of, cases
from tests.model.again import again
from tests.model.world import Sent, Told, known

T = TransitionKind


def one_incident_of_a_family(told: Told) -> None:
    lasting = Counter(
        (row.incident.system, row.incident.family)
        for row in told.incidents
        if row.incident.recovered_at is None
    )
    assert all(number == 1 for number in lasting.values()), lasting


def every_chain_is_legal(told: Told) -> None:
    """It begins once; it recovers while it lasts, reopens and resolves when it does not; deadlines
    and acts come after the beginning; versions count up by one.
    """
    chains: dict[str, list[Any]] = {}
    for row in told.rows:
        if row.kind in KINDS:
            chains.setdefault(json.loads(row.data)["key"], []).append(row)
    assert set(chains) == {row.incident.key for row in told.incidents}
    for key, rows in chains.items():
        lasts, version, resolved = False, 0, False
        for n, row in enumerate(rows):
            data = json.loads(row.data)
            kind = STEPS.get(row.kind) if "by" not in data else None
            assert data["version"] in (version, version + (kind is not None)), key
            version = data["version"]
            if kind is None:
                assert n > 0, key
                continue
            assert (n == 0) == (kind in BEGINNING), key
            if kind is T.REOPENED:
                assert not lasts, key
            elif kind is T.RECOVERED:
                assert lasts, key
            elif kind is T.RESOLVED:
                assert not lasts, key
                assert not resolved, key
            elif kind not in (T.OPENED, T.FOUND_LATE, T.CORRECTED):
                assert lasts or n + 1 < len(rows), key
            lasts = data["recovered_at"] is None
            resolved = (resolved or kind is T.RESOLVED) and not lasts
        (stands,) = [one for one in told.incidents if one.incident.key == key]
        assert stands.version == version
        assert (stands.incident.recovered_at is None) == lasts


def every_act_was_permitted(told: Told) -> None:
    for n, row in enumerate(told.rows):
        if row.actor == SYSTEM or row.kind not in KINDS:
            continue
        ((key, act),) = acts_of([row])
        case = cases([r for r in told.rows[:n] if r.kind in KINDS])[key]
        state = case.course.stands(act.at).state
        harm = act.kind is ActKind.RAISED and act.category == PATIENT_SAFETY
        assert state in (HARM_SHOWS if harm else PERMITTED[act.kind]), (key, act)


def sequences_have_no_holes(told: Told) -> None:
    def pair(m: Sent) -> tuple[str, str]:
        return m.key, m.receiver

    for (key, receiver), group in groupby(told.messages, key=pair):
        if key.startswith("digest."):
            continue
        mine = list(group)
        assert [m.seq for m in mine] == list(range(1, len(mine) + 1)), (key, receiver)
        bodies = [json.loads(m.body)["data"] for m in mine]
        assert [b["sequence"] for b in bodies] == [m.seq for m in mine]
        assert {b["key"] for b in bodies} == {f"st-elsewhere.{key}.{receiver}"}


def nothing_is_said_twice(told: Told) -> None:
    """Each deadline fires once; it is recorded with the instant it was due, and not before it."""
    seen = set()
    for row in told.rows:
        if row.kind not in DEADLINES and row.kind != ARRIVED:
            continue
        data = json.loads(row.data)
        which = (row.kind, data["key"], data.get("notice"), data["of"], data["occasion"])
        assert which not in seen
        seen.add(which)
        at_once = (
            row.kind
            in {
                "incident.liaison_notice",
                "incident.leadership_notice",
                "incident.legal_notice",
            }
            or data.get("rung") == 1
        )
        if row.kind in DEADLINES:
            # what an act causes may be told by a clock that is a moment behind it
            assert at_once or row.at < row.recorded_at, row


def the_sequence_tells_it_all(told: Told) -> None:
    """The messages, the cases and the deadlines, byte for byte, from the rows alone."""
    found = again(told.rows)
    bodies = sorted(
        (m.incident_key, m.receiver, m.seq, m.body) for m in (t.message for t in found.told)
    )
    assert bodies == [(m.key, m.receiver, m.seq, m.body) for m in told.messages]
    rows = [row for row in told.rows if row.kind in KINDS]
    assert known(found.cases) == known(cases(rows))


def everything(told: Told) -> None:
    one_incident_of_a_family(told)
    every_chain_is_legal(told)
    every_act_was_permitted(told)
    sequences_have_no_holes(told)
    nothing_is_said_twice(told)
    the_sequence_tells_it_all(told)


def events(told: Told) -> Counter[tuple[Any, ...]]:
    out: Counter[tuple[Any, ...]] = Counter()
    for row in told.rows:
        if row.kind in KINDS:
            data = json.loads(row.data)
            out[row.kind, row.at, data["key"], data.get("of"), data.get("occasion")] += 1
    return out


def steps(told: Told) -> Counter[tuple[str, str, str]]:
    return Counter((_step(json.loads(m.body)), m.key, m.receiver) for m in told.messages)


def _step(event: dict[str, Any]) -> str:
    return str(event["data"].get("step", event["type"]))
