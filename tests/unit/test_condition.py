"""What is wrong with the agent itself: each word with the measurement where it begins."""

from __future__ import annotations

import pytest

from agent.condition import MEANINGS, Trouble, Vitals, troubles

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("vitals", "expected"),
    [
        (Vitals(), []),
        (Vitals(clock_error_ms=2_000), []),
        (Vitals(clock_error_ms=2_001), ["clock"]),
        (Vitals(cpu=0.89), []),
        (Vitals(cpu=0.9), ["cpu"]),
        (Vitals(disk_left=64 * MIB), []),
        (Vitals(disk_left=64 * MIB - 1), ["disk"]),
        (Vitals(files_left=32), []),
        (Vitals(files_left=31), ["files"]),
        (Vitals(stalled_ago_ms=60_000), []),
        (Vitals(stalled_ago_ms=59_999), ["lag"]),
        (Vitals(memory_left=64 * MIB - 1), ["memory"]),
        (Vitals(network_lost=True), ["network"]),
        (Vitals(missed_ago_ms=0), ["overload"]),
        (Vitals(missed_ago_ms=60_000), []),
        (Vitals(silent_ms=60_000), ["uplink"]),
        (Vitals(silent_ms=59_999), []),
        (Vitals(clock_error_ms=9_000, cpu=1.5, network_lost=True), ["clock", "cpu", "network"]),
    ],
)
def test_each_trouble_begins_where_it_says(vitals: Vitals, expected: list[str]) -> None:
    assert [trouble.value for trouble in troubles(vitals)] == expected


def test_every_trouble_has_a_meaning() -> None:
    assert list(MEANINGS) == sorted(Trouble)
