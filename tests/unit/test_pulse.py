"""How long this process did not get to run, as its beats tell."""

from __future__ import annotations

from agent.pulse import Pulse
from probes.clock import NS_PER_MS, ManualClock


def beaten(*late_ms: int) -> tuple[Pulse, list[int]]:
    """Beats that came so late, one every 100 ms and its lateness, and when each ended."""
    pulse, now_ms, ended = Pulse(ManualClock()), 0, []
    for late in late_ms:
        now_ms += 100 + late
        pulse._beat(now_ms * NS_PER_MS, (now_ms - late) * NS_PER_MS)
        ended.append(now_ms)
    return pulse, ended


def test_the_worst_beat_since_an_instant_counts_also_when_it_ended_at_it() -> None:
    pulse, ended = beaten(20, 300, 50, 120, 0)
    assert [pulse.worst_since(at * NS_PER_MS) for at in ended] == [300, 300, 120, 120, 0]
    assert pulse.worst_since((ended[-1] + 1) * NS_PER_MS) == 0
    assert pulse.stalled_ns is None
    assert pulse.worst_ms() == 300
    assert pulse.worst_ms() == 0


def test_of_the_beats_only_those_are_kept_that_may_still_be_the_worst() -> None:
    pulse, _ = beaten(*[10] * 500, 900, 5)
    assert len(pulse._late) == 2
    assert pulse.stalled_ns is not None


async def test_a_beat_that_is_to_come_counts_before_it_came() -> None:
    clock = ManualClock()
    pulse = Pulse(clock)
    pulse._due_ns = 100 * NS_PER_MS
    assert pulse.worst_since(0) == 0
    await clock.advance(450)
    assert pulse.worst_since(clock.monotonic_ns()) == 350
