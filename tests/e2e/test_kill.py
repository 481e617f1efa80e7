"""kill -9 of the collector in the middle of an outage: nothing acknowledged is lost, nobody is
paged twice."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.demo.stage import Stage
from tests.support.kept import kept
from tests.support.soak import longer


async def until(found: Any, within_s: float = 40) -> Any:
    deadline = asyncio.get_running_loop().time() + within_s
    while asyncio.get_running_loop().time() < deadline:
        value = await found()
        if value:
            return value
        await asyncio.sleep(0.2)
    raise AssertionError("it did not happen in time")


def stored(database: Path) -> set[tuple[str, str, int]]:
    return {(one.agent, one.epoch, one.seq) for one in kept(database)}


SEALED = "wardwatch_agent_batches_sealed_total "


async def acknowledged(stage: Stage, port: int) -> int:
    """How many batches an agent says were acknowledged."""
    async with stage.session.get(f"http://127.0.0.1:{port}/metrics") as reply:
        text = await reply.text()
    line = next(line for line in text.splitlines() if 'acknowledged"' in line)
    return int(float(line.split()[-1]))


async def sealed(stage: Stage, port: int) -> int:
    """How many batches an agent has closed."""
    async with stage.session.get(f"http://127.0.0.1:{port}/metrics") as reply:
        text = await reply.text()
    line = next(one for one in text.splitlines() if one.startswith(SEALED))
    return int(float(line.split()[-1]))


@pytest.mark.timeout(240)
@pytest.mark.parametrize("loop", range(longer(1)))
async def test_killing_the_collector_mid_outage_loses_nothing_and_pages_once(
    tmp_path: Path, loop: int
) -> None:
    async with Stage(tmp_path) as stage:

        async def up() -> bool:
            systems = (await stage.api("systems"))["systems"]
            return all(s["state"] == "up" for s in systems)

        async def opened() -> Any:
            found = (await stage.api("incidents"))["incidents"]
            return [i for i in found if i["family"] == "availability"]

        await until(up)
        await stage.fault("ehr", "500")
        incident = (await until(opened))[0]
        stage.kill("collector")
        await stage.processes["collector"].wait()
        before = stored(tmp_path / "wardwatch.db")
        for agent, port in stage.agent_ports.items():
            # What the agent was told is stored; it has let go of nothing else.
            told_agent = await acknowledged(stage, port)
            assert 0 < told_agent <= len({one for one in before if one[0] == agent})
        await asyncio.sleep(2)
        await stage.start_collector()
        assert before <= stored(tmp_path / "wardwatch.db")
        # Once more, at once: between start-up, catching up and delivery.
        stage.kill("collector")
        await stage.processes["collector"].wait()
        await stage.start_collector()
        # Late failures after the recovery would open it again, rightly: they come first.
        waiting = {agent: await sealed(stage, port) for agent, port in stage.agent_ports.items()}

        async def caught_up() -> bool:
            # An acknowledgement lists all that is stored: not every batch is sent to be known so.
            there = [agent for agent, _, _ in stored(tmp_path / "wardwatch.db")]
            return all(there.count(agent) >= count for agent, count in waiting.items())

        await until(caught_up)
        await stage.fault("ehr", "none")

        async def recovered() -> Any:
            return [i for i in await opened() if i["recovered_at"]]

        after = await until(recovered)
        assert [i["key"] for i in after] == [incident["key"]]
        assert after[0]["started_at"] == incident["started_at"]

        async def told() -> bool:
            ticket = stage.receiver.tickets.get(incident["key"])
            return ticket is not None and any(".recovered." in e["type"] for e in ticket.events)

        await until(told)
        availability = [k for k in stage.receiver.tickets if ".availability." in k]
        assert availability == [incident["key"]]
        kinds = [e["type"].split(".")[-2] for e in stage.receiver.tickets[incident["key"]].events]
        assert kinds.count("opened") == 1
        assert kinds.count("recovered") == 1
        # Every chain is whole: no sequence number of any agent's epoch is missing.
        chains: dict[tuple[str, str], set[int]] = {}
        for agent, epoch, seq in stored(tmp_path / "wardwatch.db"):
            chains.setdefault((agent, epoch), set()).add(seq)
        assert {agent for agent, _ in chains} == {"collector", "north-1", "south-1"}
        for seqs in chains.values():
            assert seqs == set(range(1, max(seqs) + 1))
