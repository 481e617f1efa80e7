"""What the agent measures of itself when it has nothing left to measure with."""

from __future__ import annotations

import resource
from contextlib import ExitStack
from pathlib import Path

import psutil

from agent.metrics import AgentMetrics
from agent.telling import Line
from agent.vitals import SelfKnowledge
from probes.clock import ManualClock
from probes.runner import Runner


async def test_without_a_descriptor_left_it_says_so_and_goes_on(tmp_path: Path) -> None:
    clock, metrics = ManualClock(), AgentMetrics()
    own = SelfKnowledge(clock, metrics, (), tmp_path)
    runner = Runner("north-1", [], clock, lambda _run: None)
    line = Line(0, has_spoken=True, waits=False)
    assert own.watch._measure(runner, line).files_left != 0
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (psutil.Process().num_fds() + 4, hard))
        try:
            while True:
                stack.enter_context(Path("/dev/null").open("rb"))
        except OSError:
            found = own.watch._measure(runner, line)
    assert (found.files_left, found.memory_left) == (0, None)
