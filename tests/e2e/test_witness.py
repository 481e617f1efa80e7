"""`wardwatch witness` as a process: two logs, a forked one, kill -9 at any moment, one folder for one."""

from __future__ import annotations

import asyncio
import email
import random
import ssl
from collections.abc import Sequence
from email.policy import default
from pathlib import Path

import aiohttp
import pytest

from collector.attest import note, policyfile
from collector.attest.policy import accept
from collector.tlog.epochs import Log as WhichLog
from collector.tlog.signer import open_file, vkey_of
from collector.witness import client, keyfile
from collector.witness.client import Cosigned, Witness
from collector.witness.keyfile import WitnessKey
from collector.witness.refusals import Refusal, Refused
from probes.clock import SystemClock
from probes.testing.certificates import Authority
from tests.support.mailserver import mail_server
from tests.support.process import start_collector
from tests.support.signing_logs import made_key
from tests.support.soak import longer
from tests.support.witness_process import start_witness
from tests.unit.attest import naive
from tests.unit.witness.logs import ORIGIN, Log, private

LOG = Log()
OTHER = Log(origin="log.example/audit", n=2)
FORK = Log(leaves=[*LOG.leaves[:10], *(b"another %d" % n for n in range(30))])
ORIGIN_OF_LOGS = "st-e.example.org/wardwatch"
COLLECTOR = """version: 1
organization: {{id: st-e, name: St E, timezone: UTC}}
sites: {{north: {{name: North}}}}
agents: {{north-1: {{site: north}}}}
contacts: {{ann: {{name: Ann Lee, role: legal_compliance, email: ann@example.org}}}}
systems: {{ehr: {{name: EHR, impact: {{class: clinical}}}}}}
checks:
  ehr-page: {{system: ehr, kind: http, every: 30s, timeout: 9s, spec: {{url: "https://e.example/"}}}}
channels:
  mail: {{kind: email, host: 127.0.0.1, port: {mail}, tls: none, from: w@st-e.example}}
evidence_log:
  origin: st-e.example.org/wardwatch
  keys: ["file:{log}"]
  checkpoint_every: 10s
  witnesses: {{auditor: {{url: "{url}", key: "{key}"}}}}
  mail: {{to: [ann], via: mail, at: "00:00"}}
"""
WORDS = ("--log", LOG.key.text(), "--log", OTHER.key.text())
KEY = WitnessKey("witness.example/w1", private(9))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "witness.key"
    path.write_bytes(keyfile.write(KEY))
    path.chmod(0o600)
    return tmp_path


async def add(
    session: aiohttp.ClientSession, url: str, log: Log, size: int, held: int = 0
) -> Cosigned | Refused:
    async def prove(old: int) -> Sequence[bytes]:
        return log.proof(old, size)

    witness = Witness(url, KEY.verifier)
    return await client.add_checkpoint(
        session, witness, log.signed(size), held, prove, SystemClock()
    )


async def test_two_logs_are_cosigned_and_a_forked_one_is_not(folder: Path) -> None:
    process = await start_witness(folder, *WORDS)
    async with client.opened() as session:
        for log, size in ((LOG, 10), (OTHER, 3), (LOG, 20), (OTHER, 30)):
            found = await add(session, process.url, log, size)
            assert isinstance(found, Cosigned)
            policy = policyfile.parse(
                f"log {log.key.text()}\nwitness w {KEY.verifier.text()}\nquorum w\n".encode()
            )
            signed = log.signed(size)
            cosigned = type(signed)(signed.text, (*signed.signatures, found.line))
            assert dict(accept(policy, cosigned).witnessed) == {b"w": found.time_s}
        assert await add(session, process.url, FORK, 20) == Refused(Refusal.ROOT, 20)
        assert await add(session, process.url, FORK, 30) == Refused(Refusal.PROOF)
        assert isinstance(await add(session, process.url, LOG, 30), Cosigned)
    assert await process.stop() == 0
    told = [line.partition("wardwatch.witness ")[2] for line in process.log if "refused" in line]
    assert told == [
        f"witness.refused code=witness.root log={ORIGIN} size=20",
        f"witness.refused code=witness.proof log={ORIGIN} size=30",
    ]


async def test_one_folder_is_for_one_process(folder: Path) -> None:
    process = await start_witness(folder, *WORDS)
    with pytest.raises(AssertionError, match=r"another witness runs on .*; two would be a fork"):
        await start_witness(folder, *WORDS)
    await process.kill()
    assert await (await start_witness(folder, *WORDS)).stop() == 0


async def test_it_speaks_tls_and_a_renewed_key_of_a_log_is_taken_after_a_restart(
    folder: Path,
) -> None:
    authority = Authority(folder, SystemClock().now_ms())
    pair = authority.server()
    words = ("--tls-cert", str(pair.cert), "--tls-key", str(pair.key))
    policies: list[str] = []
    for n, log in enumerate((LOG, OTHER)):
        policies += ("--logs", str(folder / f"{n}.policy"))
        (folder / f"{n}.policy").write_text(f"log {log.key.text()}\nquorum none\n")
    renewed = Log(n=7)
    trusting = ssl.create_default_context(cafile=authority.ca)
    async with client.opened(trusting) as session:
        process = await start_witness(folder, *policies, *words)
        assert process.url.startswith("https://")
        assert isinstance(await add(session, process.url, LOG, 10), Cosigned)
        assert isinstance(await add(session, process.url, OTHER, 10), Cosigned)
        assert await add(session, process.url, renewed, 20) == Refused(Refusal.SIGNATURE)
        assert await process.stop() == 0
        process = await start_witness(folder, *policies, "--log", renewed.key.text(), *words)
        assert isinstance(await add(session, process.url, renewed, 20), Cosigned)
        assert isinstance(await add(session, process.url, LOG, 30), Cosigned)
        assert await process.stop() == 0


@pytest.mark.timeout(120 + longer(3) * 10)
async def test_killed_at_any_moment_it_never_cosigns_a_fork(folder: Path) -> None:
    """Two trees of one log ask as fast as they may; what is ever cosigned lies in one of them."""
    rng = random.Random(11)
    roots: dict[int, bytes] = {}
    largest = 10

    async def press(url: str, log: Log) -> None:
        nonlocal largest
        async with client.opened() as session:
            while True:
                before = largest
                size = rng.randint(before, min(40, before + 3))
                found = await add(session, url, log, size, held=before)
                if isinstance(found, Cosigned):
                    assert roots.setdefault(size, naive.mth(log.leaves[:size])) == naive.mth(
                        log.leaves[:size]
                    )
                    assert size >= before, "what was answered is forgotten"
                    largest = max(largest, size)
                elif found.code in (Refusal.NETWORK, Refusal.TIMEOUT):
                    return
                await asyncio.sleep(0.01)

    process = await start_witness(folder, *WORDS)
    async with client.opened() as session:  # what both trees have in common
        assert isinstance(await add(session, process.url, LOG, largest), Cosigned)
    await process.kill()
    for _ in range(longer(3)):
        process = await start_witness(folder, *WORDS)
        pressing = [asyncio.create_task(press(process.url, log)) for log in (LOG, FORK)]
        await asyncio.sleep(rng.uniform(0.05, 0.6))
        await process.kill()
        await asyncio.gather(*pressing)
    assert len(roots) > 1
    assert any(
        all(naive.mth(log.leaves[:size]) == root for size, root in roots.items())
        for log in (LOG, FORK)
    )


@pytest.mark.timeout(240)
async def test_a_collectors_logs_are_cosigned_and_leave_by_mail(folder: Path) -> None:
    """From rows of the journal to a note in a letter that an auditor's own policy accepts."""
    signer = open_file(made_key(folder))
    keys = [vkey_of(signer, f"{ORIGIN_OF_LOGS}/{log}") for log in WhichLog]
    witness = await start_witness(folder, *(w for key in keys for w in ("--log", key.text())))
    async with mail_server() as server:
        file = folder / "wardwatch.yaml"
        file.write_text(
            COLLECTOR.format(
                mail=server.port,
                log=folder / "log.key",
                url=witness.url,
                key=KEY.verifier.text(),
            )
        )
        collector = await start_collector(file, f"sqlite:///{folder / 'wardwatch.db'}")
        for _ in range(1_500):
            if server.mails:
                break
            await asyncio.sleep(0.1)
        assert await collector.stop() == 0
    assert await witness.stop() == 0
    part = email.message_from_bytes(server.mails[0].raw, policy=default).get_body(("plain",))
    assert part is not None
    told = part.get_content().replace("\r\n", "\n")
    for key in keys:
        block = told[told.index(f"{key.name}\n") :]
        signed = note.parse(("\n".join(block.split("\n")[:6]) + "\n").encode())
        policy = policyfile.parse(
            f"log {key.text()}\nwitness w {KEY.verifier.text()}\nquorum w\n".encode()
        )
        accepted = accept(policy, signed)
        assert accepted.checkpoint.size > 0
        assert set(accepted.witnessed) == {b"w"}
