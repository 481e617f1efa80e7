"""Which result of one agent speaks for an instant (semantics 2.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collector.core.reading import Reading
from collector.core.steps import Reason, Rule, Step, Subject, Value
from collector.core.voice_fold import AgentState
from collector.core.windows import FAR
from probes.contract import Outcome
from probes.results import Result


@dataclass(frozen=True, slots=True)
class Voiced:
    """One agent's part: `raw` are its results as received, `reading` what they say."""

    check: str
    agent: str
    site: str
    raw: Sequence[Result]
    reading: Reading

    def step(
        self,
        rule: Rule,
        reason: Reason,
        verdict: str | None,
        *,
        results: Sequence[int] = (),
        start: int | None = None,
        end: int | None = None,
        **facts: Value,
    ) -> Step:
        """`results` are positions among the held."""
        return Step(
            rule,
            reason,
            Subject.VOICE,
            verdict,
            self.check,
            self.agent,
            self.site,
            tuple(self.reading.held[n].t for n in results),
            start,
            end,
            facts,
        )


def explain_hold(voice: Voiced, at: int, holder: int | None) -> list[Step]:
    """What was received, and which of it speaks: `holder`, or nothing in a gap."""
    reading = voice.reading
    last = reading.last_before(at)
    out: list[Step] = []
    if last is None:
        out.append(voice.step(Rule.HOLD, Reason.SILENT, AgentState.UNKNOWN))
    else:
        held = reading.held[last]
        out.append(
            voice.step(
                Rule.HOLD,
                Reason.GAP if holder is None else Reason.HELD,
                AgentState.UNKNOWN if holder is None else held.outcome.value,
                results=(last,),
                start=held.t,
                end=held.end,
                outcome=held.outcome.value,
                code=held.reason,
                every_ms=held.check.every,
                timeout_ms=held.check.timeout,
                hold_ms=held.check.hold_ms,
                cut="yes" if held.cut else "no",
            )
        )
        outcomes = {r.outcome.value for r in voice.raw if r.t == held.t}
        if len(outcomes) > 1:
            out.append(
                voice.step(
                    Rule.HOLD,
                    Reason.CONFLICT,
                    held.outcome.value,
                    results=(last,),
                    outcomes=tuple(sorted(outcomes)),
                )
            )
    since = -FAR if last is None else reading.held[last].t
    mute = [r for r in voice.raw if since < r.t <= at and r.outcome is Outcome.UNKNOWN]
    if mute:
        newest = max(mute, key=lambda r: r.t)
        out.append(
            Step(
                Rule.HOLD,
                Reason.NO_INFORMATION,
                Subject.VOICE,
                None,
                voice.check,
                voice.agent,
                voice.site,
                (newest.t,),
                facts={"count": len({r.t for r in mute}), "code": newest.reason},
            )
        )
    return out
