"""A month as all of it meets: agents' batches through ingest, the logs signed by the publisher and
cosigned over HTTP by a witness, windows that people approve, a bundle that is issued, and an auditor
who trusts keys of his own choice and two programs.

The clock is virtual, the witness's too, for a month takes a month; results are simulated.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from collector import keyfile
from collector.access.policy import Role
from collector.attest import policyfile
from collector.attest.policy import Group, Policy
from collector.attest.vkey import SignatureType, VerifierKey
from collector.bundle import layout
from collector.store.store import Store
from collector.tlog.epochs import Log
from collector.tlog.signer import open_file, vkey_of
from probes.clock import ManualClock
from tests.support.attested import CLOSED, DAY, HOUR, ORIGIN, Attesting, attesting
from tests.support.rounds import START
from tests.support.witnesses import RunningWitness, witness
from tests.unit.attesting.test_issuing import bundle, issued, members, predicate
from tests.unit.verifyscript.scripts import policy_text

API = "/api/v1/maintenance"
AUDITORS = "Example Auditors"
SETTLED_MS = 20_000
"""What signing and cosigning take of the clock."""


@asynccontextmanager
async def watched(store: Store, folder: Path) -> AsyncIterator[tuple[Attesting, RunningWitness]]:
    """A collector one witness of which is an auditor's, and has to cosign."""
    key = folder / "log.key"
    keyfile.make(key)
    keys = [vkey_of(open_file(key), f"{ORIGIN}/{log}") for log in Log]
    async with witness("auditor", keys, ManualClock(START)) as one:
        log = {
            "origin": ORIGIN,
            "keys": [f"file:{key}"],
            "checkpoint_every": "10s",
            "witnesses": {
                "auditor": {
                    "url": f"http://127.0.0.1:{one.port}",
                    "key": one.key.verifier.text(),
                    "operator": AUDITORS,
                }
            },
            "quorum": 1,
        }
        async with attesting(store, folder, evidence_log=log) as made:
            one.witnessing._clock = made.collector.clock
            yield made, one


async def posted(made: Attesting, path: str, role: Role, body: Any) -> Any:
    headers = await made.headers(f"some-{role.value}", role)
    async with made.collector.client.post(f"{API}{path}", json=body, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def proposed(made: Attesting, name: str, start: str, end: str) -> str:
    """The digest of what is to be approved."""
    window = {"id": name, "systems": ["lab"], "start": start, "end": end, "timezone": "UTC"}
    (one,) = (await posted(made, "", Role.OPERATOR, {"windows": [window]}))["windows"]
    return str(one["digest"])


async def approved(made: Attesting, name: str, digest: str) -> None:
    await posted(made, f"/{name}/approve", Role.APPROVER, {"digest": digest})
    await made.month.settle()


def trusting(folder: Path, file_name: str, log: VerifierKey, auditor: VerifierKey) -> Path:
    """A policy in the auditor's own words: his names, and keys that he was told by other ways."""
    name = b"our-own"
    policy = Policy((log,), {name: auditor}, {b"one": Group(1, (name,))}, b"one")
    file = folder / f"{file_name}.policy"
    file.write_bytes(policy_text(policy))
    policyfile.parse(file.read_bytes())
    return file


def verify(file: Path, *words: str | Path) -> tuple[int, dict[str, Any]]:
    """The installed command, as a process."""
    command = Path(sys.executable).parent / "wardwatch"
    ran = subprocess.run(
        [command, "verify", file, "--json", *words], capture_output=True, check=False
    )
    return ran.returncode, json.loads(ran.stdout)


def by_script(folder: Path, file: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """The bundle's own program, with nothing but the standard library."""
    script = folder / "verify.py"
    script.write_bytes(members(file.read_bytes())[layout.VERIFIER])
    return subprocess.run(
        [sys.executable, "-I", "-S", script, file, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={},
    )


@pytest.mark.timeout(300)
async def test_a_witnessed_month_is_verified_by_an_auditors_own_policy(
    store: Store, tmp_path: Path
) -> None:
    async with watched(store, tmp_path) as (made, auditor):
        month = made.month
        await month.live(START + 2 * DAY)
        early = await proposed(made, "upgrade", "2026-01-06T02:00", "2026-01-06T04:00")
        late = await proposed(made, "repair", "2026-01-10T02:00", "2026-01-10T06:00")
        await approved(made, "upgrade", early)
        await month.live(START + 9 * DAY + 3 * HOUR)
        await approved(made, "repair", late)
        await month.live(CLOSED)
        one = await issued(made)
        file = tmp_path / "attestation.zip"
        file.write_bytes(await bundle(made, one["id"]))
        log = vkey_of(open_file(tmp_path / "log.key"), f"{ORIGIN}/evidence")
        own = trusting(tmp_path, "own", log, auditor.key.verifier)
        held = auditor.size(f"{ORIGIN}/evidence")

    code, told = verify(file, "--policy", own)
    assert (code, told["failure"], told["verified"]) == (0, None, True), told
    found = told["attestation"]
    assert found == predicate(file.read_bytes())
    assert found["assurance"]["level"] == "L2"
    assert found["assurance"]["witnesses"] == [{"name": "auditor", "operator": AUDITORS}]
    assert found["log"]["to"]["size"] <= held
    by_window = {each["window"]: each for each in found["exclusions"]}
    before, after = by_window["upgrade"], by_window["repair"]
    assert (before["preRegistered"], after["preRegistered"]) == (True, False)
    assert (before["appliedMs"], before["approvedBy"]) == (2 * HOUR, "some-approver")
    assert before["witnessedAt"] < before["start"] == START + 5 * DAY + 2 * HOUR
    assert after["start"] < after["witnessedAt"] <= after["approvedAt"] + SETTLED_MS
    early_proofs = {
        name for name in members(file.read_bytes()) if name.endswith(".early.tlog-proof")
    }
    indexes = (before["logIndex"], after["logIndex"])
    assert {layout.early_proof_of(index) for index in indexes} <= early_proofs

    ran = by_script(tmp_path, file, "--policy", own)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    ran = by_script(tmp_path, file)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout

    keyfile.make(tmp_path / "forger.key")
    forger = open_file(tmp_path / "forger.key")
    other = VerifierKey(auditor.key.name, SignatureType.COSIGNATURE, forger.public_key)
    forged = {
        "checkpoint.quorum": trusting(tmp_path, "quorum", log, other),
        "statement.unsigned": trusting(
            tmp_path, "log", vkey_of(forger, log.name), auditor.key.verifier
        ),
    }
    for failure, policy in forged.items():
        code, told = verify(file, "--policy", policy)
        assert (code, told["verified"], told["failure"]["code"]) == (2, False, failure)
        assert told["attestation"] is None
        ran = by_script(tmp_path, file, "--policy", policy)
        assert ran.returncode == 2
        assert failure in ran.stdout + ran.stderr
