"""`make demo`: a simulated hospital, watched while its EHR fails and comes back.

With DEMO_SECONDS the story runs once, within that time of when everything is up, and exits 0 only if
the incident opened, was delivered exactly once, recovered, and availability shows the outage. Without
it the hospital stays up until Ctrl-C.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from collector.explaining.document import lines
from probes.clock import SystemClock
from probes.times import from_ms
from tests.demo.stage import BIN, Stage

STATE_STYLE = {"up": "green", "degraded": "yellow", "down": "bold red", "unknown": "cyan"}
CATEGORY = {
    1: "no clinical impact",
    2: "workaround exists",
    3: "point of care, no alternative",
    4: "patient safety event",
}


SHOWN = 14
"""Lines of what a program says."""


class StoryError(Exception):
    """Something the story promises did not happen."""


class Story:
    def __init__(self, stage: Stage, console: Console) -> None:
        self.stage = stage
        self.console = console

    def say(self, text: str, style: str = "") -> None:
        now = from_ms(SystemClock().now_ms())
        self.console.print(f"{now:%H:%M:%S}  {text}", style=style, highlight=False)

    async def until(
        self, what: str, found: Callable[[], Awaitable[Any]], within_s: float = 60
    ) -> Any:
        """Poll until `found` gives something; StoryError names what did not come."""
        deadline = asyncio.get_running_loop().time() + within_s
        while asyncio.get_running_loop().time() < deadline:
            value = await found()
            if value:
                return value
            await asyncio.sleep(0.25)
        raise StoryError(f"within {within_s:.0f} s there was no {what}")

    async def incidents(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.stage.api("incidents"))["incidents"]
        return found

    async def show_systems(self) -> None:
        systems = (await self.stage.api("systems"))["systems"]
        table = Table("system", "state", "known %", "min %", "max %", "coverage %", "target %")
        for one in systems:
            month = one["month"]
            numbers = [month[key] or "-" for key in ("known", "min", "max", "coverage", "target")]
            style = STATE_STYLE.get(one["state"], "")
            table.add_row(one["name"], f"[{style}]{one['state']}[/]", *numbers)
        self.console.print(table)

    async def tell(self) -> None:
        stage = self.stage
        self.say("The first admin entered by the link the collector printed once.")
        self.say(
            "Two agents at two sites probe its systems over real sockets (simulated); a nightly job reports."
        )

        async def all_up() -> bool:
            systems = (await self.stage.api("systems"))["systems"]
            return all(s["state"] == "up" and s["month"]["known"] for s in systems)

        await self.until("calm", all_up)
        self.say("All systems are up. Month to date, with bounds and coverage:", "green")
        await self.show_systems()

        await stage.fault("ehr", "500")
        self.say("The EHR begins to fail: it answers 500 to every request.", "bold")

        async def opened() -> dict[str, Any] | None:
            return next((i for i in await self.incidents() if i["family"] == "availability"), None)

        incident = await self.until("incident", opened)
        self.say(
            f"Incident {incident['key']} opened: {incident['priority']}, category "
            f"{incident['category']} ({CATEGORY[incident['category']]}).",
            "bold red",
        )
        self.say(
            f"It started at {incident['started_at']} (first failing result), "
            f"detected at {incident['detected_at']}."
        )

        async def delivered() -> Any:
            return stage.receiver.tickets.get(incident["key"])

        ticket = await self.until("ticket", delivered)
        self.say(f"The ticketing endpoint (simulated) has one ticket: {ticket.key}.")

        await stage.fault("ehr", "none")
        self.say("The EHR is mended.", "bold")

        async def recovered() -> dict[str, Any] | None:
            found = [i for i in await self.incidents() if i["key"] == incident["key"]]
            return found[0] if found and found[0]["recovered_at"] else None

        after = await self.until("recovery", recovered)
        self.say(f"Recovered at {after['recovered_at']}; {after['status']}.", "green")

        async def told() -> bool:
            return any(".recovered." in e["type"] for e in ticket.events)

        await self.until("recovery in the ticket", told)
        self.say("Month to date, with the outage in it:")
        await self.show_systems()
        await self.explain()
        verified = await self.attest()
        await self.check(incident, verified=verified)

    async def explain(self) -> None:
        """What `wardwatch explain ehr --at` says of the outage's first instant."""
        month = await self.stage.api("availability?period=month")
        at = month["systems"]["ehr"]["outages"][0]["start"]
        told = await self.stage.api(f"systems/ehr/explain?at={at}")
        self.say(f"Why {at} counts as it does (wardwatch explain ehr --at {at}):")
        for line in lines(told):
            self.console.print(f"          {line}", highlight=False, markup=False, soft_wrap=True)

    async def attest(self) -> bool:
        """A month takes a month: so one that is made up, judged by the auditor's program."""
        out = str(self.stage.folder / "attestation.zip")
        self.say(
            "An attestation (simulated: its month is made up), and what an auditor does with it:"
        )
        for words in (("attest", "sample", "--out", out), ("verify", out)):
            ran = await asyncio.create_subprocess_exec(
                BIN / "wardwatch", *words, stdout=PIPE, stderr=DEVNULL
            )
            told, _ = await ran.communicate()
            shown = [line for line in told.decode().splitlines() if line][:SHOWN]
            for line in (f"$ wardwatch {' '.join(words)}", *shown):
                self.console.print(f"          {line}", highlight=False, markup=False)
            if ran.returncode != 0:
                return False
        return True

    async def check(self, incident: dict[str, Any], *, verified: bool) -> None:
        """What the demo promises, each a plain statement."""
        receiver = self.stage.receiver
        month = (await self.stage.api("availability?period=month"))["systems"]["ehr"]
        ticket = receiver.tickets[incident["key"]]
        opened = [e for e in ticket.events if ".opened." in e["type"]]
        payer = await self.stage.api("systems/billing/payer-report?period=week")
        promises = {
            "the incident is category 3, P1": (incident["category"], incident["priority"])
            == (3, "P1"),
            "one ticket, opened exactly once": len(receiver.tickets) == 1 and len(opened) == 1,
            "every message was signed": receiver.refused == 0,
            "availability shows one outage": len(month["outages"]) == 1 and month["down_ms"] > 0,
            "the payer's week and its answers within 20 s are known so far": any(
                week["up_ms"] > 0 for week in payer["weeks"]
            )
            and any(month["within"] > 0 for month in payer["months"]),
            "a simulated attestation verifies": verified,
            "known lies between min and max": bool(month["known"])
            and float(month["min"]) <= float(month["known"]) <= float(month["max"]),
        }
        for promise, kept in promises.items():
            self.say(f"{'kept' if kept else 'BROKEN'}: {promise}", "" if kept else "bold red")
        broken = [promise for promise, kept in promises.items() if not kept]
        if broken:
            raise StoryError("; ".join(broken))


def invitation(stage: Stage) -> str:
    control = f"http://127.0.0.1:{stage.ports['control']}"
    agent = f"http://127.0.0.1:{stage.agent_ports['north-1']}"
    admin = stage.admin
    page = "" if admin is None else f"account {admin.account}, password `{admin.password}`"
    secret = "" if admin is None else f"what your authenticator needs: {admin.secret}"
    as_admin = f"--url {stage.url} --token file:{stage.token}"
    lines = {
        f"{stage.url}/login": f"{page}; {secret}",
        f".venv/bin/wardwatch status {as_admin}": "states, since when, month to date",
        f".venv/bin/wardwatch availability ehr {as_admin}": "",
        f".venv/bin/wardwatch payer report billing --period week {as_admin}": "a payer's path",
        f'curl -H "Authorization: Bearer $(cat {stage.token})" {stage.url}/metrics': "",
        f"{agent}/metrics": "the agent at the north site",
        f".venv/bin/wardwatch-agent probe --config {stage.config} ehr-read": "",
        f"curl -X POST {control}/ehr/html200": "a login page where FHIR should be",
        f"curl -X POST {control}/lab/hang": "takes messages, never answers",
        f"curl -X POST {control}/engine/backlog": "500 messages wait in the integration engine",
        f"curl -X POST {control}/payer/aaa_42_payer": "the clearinghouse works, the payer does not",
        f"curl -X POST {control}/job/silent": "the nightly job is heard of no more",
        f"curl -X POST {control}/portal/500": "and /none mends any of them",
    }
    width = max(len(what) for what, why in lines.items() if why)
    listed = "\n".join(f"  {what:{width}}  {why}".rstrip() for what, why in lines.items())
    return f"""
The hospital stays up until Ctrl-C. Things to open and try:
{listed}
Logs and the database are in {stage.folder}
"""


async def run(seconds: float | None) -> int:
    console = Console(width=None if sys.stdout.isatty() else 100)
    with tempfile.TemporaryDirectory(prefix="wardwatch-demo-") as folder:
        try:
            async with Stage(Path(folder)) as stage, asyncio.timeout(seconds):
                story = Story(stage, console)
                await story.tell()
                if seconds is None:
                    console.print(invitation(stage), highlight=False, soft_wrap=True)
                    await asyncio.Event().wait()
        except StoryError as broken:
            console.print(f"The story did not go as promised: {broken}", style="bold red")
            return 1
        except TimeoutError:
            console.print(f"The story did not end within {seconds:.0f} s", style="bold red")
            return 1
    console.print("The story went as promised.", style="green")
    return 0


def main() -> int:
    text = os.environ.get("DEMO_SECONDS", "")
    if text and not text.isdigit():
        sys.stderr.write("DEMO_SECONDS is a whole number of seconds, such as 60\n")
        return 2
    try:
        return asyncio.run(run(float(text) if text else None))
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    raise SystemExit(main())
