"""Why one agent's word on one check is what it is at an instant (semantics 2.2 and 2.3)."""

from __future__ import annotations

from collector.core.explain_hold import Voiced, explain_hold
from collector.core.reading import Held
from collector.core.steps import ContradictionError, Reason, Rule, Step
from collector.core.voice_fold import AgentState
from probes.contract import Outcome


def explain_agent(voice: Voiced, at: int, state: AgentState) -> list[Step]:
    """Steps from its results to `state`, which is the fold's; ContradictionError if they differ."""
    holder = voice.reading.holder(at)
    steps = explain_hold(voice, at, holder)
    if holder is None:
        confirmed, step = AgentState.UNKNOWN, _no_holder(voice, at)
    else:
        confirmed, step = _confirmation(voice, holder)
    steps.append(step)
    if holder is not None and voice.reading.held[holder].outcome.judged:
        found = _intermittence(voice, holder, confirmed)
        if found is not None:
            confirmed, step = found
            steps.append(step)
    if confirmed is not state:
        raise ContradictionError(f"{voice.check} {voice.agent} {at}")
    return steps


def _no_holder(voice: Voiced, at: int) -> Step:
    outage = voice.reading.outage_at(at)
    if outage is None:
        return voice.step(Rule.CONFIRMATION, Reason.NOTHING_HOLDS, AgentState.UNKNOWN)
    return voice.step(
        Rule.CONFIRMATION,
        Reason.GAP_IN_OUTAGE,
        AgentState.UNKNOWN,
        results=outage.confirming,
        start=voice.reading.held[outage.confirming[0]].t,
    )


def _confirmation(voice: Voiced, holder: int) -> tuple[AgentState, Step]:
    held = voice.reading.held[holder]
    if held.outcome is Outcome.MISCONFIGURED:
        return _misconfigured(voice, holder, held)
    if held.outcome is Outcome.DOWN:
        return _failing(voice, holder, held)
    return _good(voice, holder, held)


def _good(voice: Voiced, holder: int, held: Held) -> tuple[AgentState, Step]:
    reading = voice.reading
    state = AgentState(held.outcome.value)
    outage = reading.outage_at(held.t)
    run = reading.run_of(holder)
    if outage is not None:
        return AgentState.DOWN, voice.step(
            Rule.CONFIRMATION,
            Reason.SHORT_RECOVERY,
            AgentState.DOWN,
            results=run.members,
            start=reading.held[outage.confirming[0]].t,
            count=len(run.members),
            need=held.check.confirm.up,
        )
    ended = next((o for o in reading.outages if holder in o.recovering), None)
    if ended is not None:
        return state, voice.step(
            Rule.CONFIRMATION,
            Reason.RECOVERED,
            state,
            results=ended.recovering,
            start=reading.held[ended.confirming[0]].t,
            end=reading.held[ended.recovering[0]].t,
            need=len(ended.recovering),
        )
    return state, voice.step(Rule.CONFIRMATION, Reason.GOOD, state, results=(holder,))


def _failing(voice: Voiced, holder: int, held: Held) -> tuple[AgentState, Step]:
    reading = voice.reading
    outage = reading.outage_at(held.t)
    if outage is not None:
        ends = reading.held[outage.recovering[0]].t if outage.recovering else None
        return AgentState.DOWN, voice.step(
            Rule.CONFIRMATION,
            Reason.OUTAGE,
            AgentState.DOWN,
            results=outage.confirming,
            start=reading.held[outage.confirming[0]].t,
            end=ends,
            need=len(outage.confirming),
        )
    run = reading.run_of(holder)
    count, need = len(run.members), held.check.confirm.down
    start = reading.held[run.members[0]].t
    if run.ended_by is not None:
        return AgentState.DEGRADED, voice.step(
            Rule.CONFIRMATION,
            Reason.BLIP,
            AgentState.DEGRADED,
            results=run.members,
            start=start,
            end=reading.held[run.ended_by].t,
            count=count,
            need=need,
        )
    return AgentState.UNKNOWN, voice.step(
        Rule.CONFIRMATION,
        Reason.UNCONFIRMED_GAP if run.gap else Reason.UNCONFIRMED_YET,
        AgentState.UNKNOWN,
        results=run.members,
        start=start,
        count=count,
        need=need,
    )


def _misconfigured(voice: Voiced, holder: int, held: Held) -> tuple[AgentState, Step]:
    reading = voice.reading
    row = reading.row_of(holder)
    needed = [reading.held[n].check.confirm.down for n in row]
    confirmed = next((k for k, need in enumerate(needed, 1) if k >= need), None)
    if confirmed is not None:
        return AgentState.MISCONFIGURED, voice.step(
            Rule.CONFIRMATION,
            Reason.REJECTED,
            AgentState.MISCONFIGURED,
            results=row[:confirmed],
            start=reading.held[row[0]].t,
            need=confirmed,
        )
    if held.after_gap:
        return AgentState.UNKNOWN, voice.step(
            Rule.CONFIRMATION,
            Reason.REJECTED_AFTER_GAP,
            AgentState.UNKNOWN,
            results=row,
            count=len(row),
            need=held.check.confirm.down,
        )
    before, _ = _confirmation(voice, holder - 1)
    return before, voice.step(
        Rule.CONFIRMATION,
        Reason.REJECTED_UNCONFIRMED,
        before,
        results=row,
        count=len(row),
        need=held.check.confirm.down,
    )


def _intermittence(
    voice: Voiced, holder: int, before: AgentState
) -> tuple[AgentState, Step] | None:
    """The ten that made it worse; None where none did (2.3)."""
    tens = voice.reading.tens(holder)
    ten = next((t for t in tens if t.is_down), tens[0] if tens else None)
    if ten is None:
        return None
    state = before
    if ten.is_down:
        state = AgentState.DOWN
    elif before in (AgentState.UP, AgentState.UNKNOWN):
        state = AgentState.DEGRADED
    if state is before:
        return None
    return state, voice.step(
        Rule.INTERMITTENCE,
        Reason.INTERMITTENT,
        state,
        results=ten.failing,
        start=voice.reading.held[ten.members[0]].t,
        end=voice.reading.held[ten.members[-1]].t,
        count=len(ten.failing),
        runs=ten.runs,
    )
