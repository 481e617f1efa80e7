"""`wardwatch agent`, and what the first page and `wardwatch status` say about agents."""

from __future__ import annotations

import re
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from collector.access.policy import Role
from collector.commands.agent import to_do
from collector.store.store import Store
from probes.agentkeys import grouped, split_token
from probes.contract import Outcome
from tests.support.commanding import Shell, a_shell
from tests.support.identities import Office, holder
from tests.support.rounds import config, document

Capture = pytest.CaptureFixture[str]
MINE, NEXT = holder("first"), holder("second")
SHOWN = grouped(MINE.fingerprint)
USED = config(agents={"north-1": {"site": "north"}, "south-1": document()["agents"]["south-1"]})


@pytest.fixture
async def shell(sqlite_store: Store, tmp_path: Path, capsys: Capture) -> AsyncIterator[Shell]:
    """An admin is logged in."""
    async with a_shell(sqlite_store, tmp_path, USED) as opened:
        await opened.admin()
        capsys.readouterr()
        yield opened


async def enrolled(shell: Shell, capsys: Capture) -> Office:
    """Its agent waits for approval."""
    assert await shell.run("agent", "invite", "north-1") == 0
    token = capsys.readouterr().out.strip()
    office = Office(shell.collector, {})
    assert await office.ask("enrol", MINE.enrolling(token, office.now)) == (200, "pending")
    return office


async def test_the_token_is_alone_on_standard_output_or_in_a_file(
    shell: Shell, capsys: Capture
) -> None:
    assert await shell.run("agent", "invite", "north-1") == 0
    said = capsys.readouterr()
    assert split_token(said.out.removesuffix("\n")) is not None
    assert re.sub(r"http\S+", "URL", said.err) == (
        "north-1 is invited, at site north, until 2026-01-02 00:00 UTC, once. On its host:\n"
        "  wardwatch-agent enrol --collector URL --token file:TOKEN --agent north-1 --state DIR\n"
    )
    out = shell.folder / "north-1.token"
    assert await shell.run("agent", "invite", "north-1", "--out", str(out)) == 0
    said = capsys.readouterr()
    assert split_token(out.read_text().strip()) is not None
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert out.read_text().strip() not in said.out + said.err


async def test_the_list_says_what_to_do_next(shell: Shell, capsys: Capture) -> None:
    assert await shell.run("agent", "list") == 0
    assert capsys.readouterr().out == (
        "Agents\n"
        "AGENT    SITE   KEY                 FINGERPRINT              LAST BATCH (UTC)\n"
        "north-1  north  none                -                        -\n"
        "south-1  south  pinned in the file  1245 b098 82c4 8094 ...  -\n"
        "north-1: no key of it is approved. Next: wardwatch agent invite north-1\n"
    )
    await enrolled(shell, capsys)
    assert await shell.run("agent", "list") == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "north-1: a key waits for approval. If the agent's host shows this fingerprint, too:",
        f'  wardwatch agent approve north-1 --fingerprint "{SHOWN}"',
    ]


async def test_a_key_is_approved_and_revoked_by_its_whole_fingerprint(
    shell: Shell, capsys: Capture
) -> None:
    office = await enrolled(shell, capsys)
    with pytest.raises(SystemExit) as left:
        await shell.run("agent", "approve", "north-1", "--fingerprint", SHOWN[:-1])
    assert left.value.code == 2
    assert "write the whole fingerprint" in capsys.readouterr().err
    other = grouped(NEXT.fingerprint)
    assert await shell.run("agent", "approve", "north-1", "--fingerprint", other) == 1
    assert capsys.readouterr().err == (
        "this agent has no key of that fingerprint; see `wardwatch agent keys` "
        "[agent.unknown_key]\n"
    )
    assert await shell.run("agent", "approve", "north-1", "--fingerprint", SHOWN.upper()) == 0
    assert capsys.readouterr().out.splitlines()[0] == (
        "Approved: what north-1 signs with this key is taken."
    )
    assert (await office.ask("rotate", MINE.rotating(NEXT, office.now)))[0] == 200
    argv = ("agent", "revoke", "north-1", "--fingerprint", SHOWN, "--reason", "stolen")
    assert await shell.run(*argv) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Revoked: nothing north-1 signs with this key is taken any longer."
    assert lines[2].startswith(f"{SHOWN}  revoked, stolen  2026-01-01 00:00")
    assert lines[3].startswith("These go back to it by rotation and are still taken.")
    assert lines[5].split("  ")[:2] == [other, "approved"]
    assert await shell.run("agent", "keys", "north-1") == 0
    assert [line[79:].split()[0] for line in capsys.readouterr().out.splitlines()[2:]] == [
        "revoked,",
        "approved",
    ]
    assert await shell.run("agent", "approve", "north-1", "--fingerprint", SHOWN) == 1
    assert capsys.readouterr().err == "not with a key in this state: revoked [agent.key_state]\n"


async def test_what_the_file_pins_is_named_with_its_place(shell: Shell, capsys: Capture) -> None:
    assert await shell.run("agent", "invite", "south-1") == 1
    assert capsys.readouterr().err == (
        "the file pins this agent's key; change it there [agent.key_pinned] "
        "(wardwatch.yaml, agents.south-1.key)\n"
    )


def chain(epoch: str, **changes: Any) -> dict[str, Any]:
    return {
        "epoch": epoch,
        "missing_batches": 0,
        "complete_until": "2026-01-01T00:09:50.000Z",
        "given_up_results": 0,
        "broken_links": 0,
    } | changes


def test_what_the_evidence_of_an_agent_lacks_is_said_epoch_by_epoch() -> None:
    agent = {
        "id": "north-1",
        "equivocations": 0,
        "waiting": None,
        "invited_until": None,
        "key_state": "pinned",
        "chains": [
            chain("0123456789abcdef", missing_batches=3, given_up_results=66),
            chain("whole"),
            chain("fedcba9876543210", missing_batches=1, complete_until=None, broken_links=2),
        ],
    }
    newest, earlier = to_do(agent)
    assert newest == (
        "north-1: epoch 01234567: batches that have not come: 3 (complete until 2026-01-01 00:09 "
        "UTC), results given up for want of room: 66."
    )
    assert earlier == (
        "north-1: epoch fedcba98, before its state was lost: batches that have not come: 1 (the "
        "first among them), headers that do not name the one before them: 2."
    )


async def test_two_headers_for_one_place_cannot_be_overlooked(
    shell: Shell, capsys: Capture
) -> None:
    office = await enrolled(shell, capsys)
    assert await shell.run("agent", "approve", "north-1", "--fingerprint", SHOWN) == 0
    assert await office.deliver(MINE.batch(1)) == (200, "")
    assert (await office.deliver(MINE.batch(1, outcome=Outcome.DOWN)))[0] == 409
    capsys.readouterr()
    assert await shell.run("agent", "list") == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "north-1: 1 came for a place in its chain that another batch has. "
        "When it is clear why: wardwatch agent settle north-1 --reason WORD"
    )
    assert await shell.run("status") == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "Agent north-1: 1 came for a place in its chain that another batch has; "
        "see `wardwatch agent settle --help`."
    )
    person = await shell.collector.person("vera", Role.VIEWER)
    secret = await shell.collector.access.login("vera", person.password, await shell.code(person))
    cookies = {shell.collector.service.parts.door.cookie: secret}
    async with shell.collector.client.get("/", cookies=cookies) as page:
        text = await page.text()
    assert "Agent north-1: 1 batch came for a place in its chain" in text
    assert await shell.run("agent", "settle", "north-1", "--reason", "copied") == 0
    assert await shell.run("agent", "settle", "north-1", "--reason", "copied") == 0
    assert capsys.readouterr().out == "north-1: 1 settled.\nnorth-1: no alarm.\n"
    async with shell.collector.client.get("/", cookies=cookies) as page:
        assert "Agent north-1" not in await page.text()


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("none", []),
        ("approved", []),
        ("revoked", ["collector: its key is not taken. Next: another file as --config-key"]),
    ],
)
def test_nobody_is_told_to_invite_the_collectors_own_agent(state: str, says: list[str]) -> None:
    agent = {
        "id": "collector",
        "equivocations": 0,
        "waiting": None,
        "invited_until": None,
        "key_state": state,
        "chains": [],
    }
    assert to_do(agent) == says
