"""The kinds `sftp_drop` and `claim_chain` against OpenSSH's `sshd` and its internal SFTP server."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from probes.contract import Fact, Outcome
from probes.kinds.sftp_drop import KIND
from probes.reasons import Reason
from tests.contract.conformance import expect, steps
from tests.support.sshd import Sshd, an_sshd

pytestmark = pytest.mark.xdist_group("sshd")


@pytest.fixture(scope="module")
def sshd() -> Iterator[Sshd]:
    with an_sshd() as one:
        yield one


def spec(sshd: Sshd, **more: Any) -> dict[str, Any]:
    return {
        "host": "127.0.0.1",
        "port": str(sshd.port),
        "host_keys": [sshd.fingerprints["ed25519"]],
        "user": sshd.user,
        "auth": {"key": "file:/run/key"},
        "folders": [{"path": str(sshd.files)}],
        **more,
    }


async def test_real_files_are_counted_and_no_name_is_told(sshd: Sshd) -> None:
    canary = secrets.token_hex(8)
    for number in range(300):  # more than one answer of sshd holds
        path = sshd.files / f"ZZDOE-{canary}-{number}.837"
        path.write_text("x")
        os.utime(path, (1_700_000_000, 1_700_000_000))
    (sshd.files / f"{canary}.tmp").touch()
    os.utime(sshd.files / f"{canary}.tmp", (1_700_000_000, 1_700_000_000))
    wanted = spec(sshd, folders=[{"path": str(sshd.files), "match": ["*.837"]}])
    key = {"file:/run/key": sshd.key}
    seen = await expect(KIND, wanted, Outcome.DEGRADED, Reason.SFTP_STUCK, secrets=key)
    assert (seen.facts[Fact.FILES], seen.facts[Fact.STUCK]) == (300, 1)
    assert seen.facts[Fact.OLDEST_S] > 80_000_000
    assert canary not in repr(seen)
    for path in sshd.files.iterdir():
        path.unlink()


async def test_the_write_test_leaves_nothing_and_shows_the_clock(sshd: Sshd) -> None:
    wanted = spec(sshd, write={"folder": str(sshd.files)}, allow_writes="true")
    key = {"file:/run/key": sshd.key}
    seen = await expect(KIND, wanted, Outcome.UP, Reason.OK, secrets=key)
    assert list(sshd.files.iterdir()) == []
    assert seen.facts[Fact.CLOCK_SKEW_S] in {-1, 0, 1}
    (sshd.files / ".wardwatch-test").touch()  # of a run that was killed
    await expect(KIND, wanted, Outcome.UP, Reason.OK, secrets=key)
    assert list(sshd.files.iterdir()) == []


async def test_what_sshd_refuses_is_ours_to_mend(sshd: Sshd) -> None:
    key = {"file:/run/key": sshd.key}
    ours = Outcome.MISCONFIGURED
    wanted = spec(sshd, folders=[{"path": "/no/such/folder"}])
    await expect(KIND, wanted, ours, Reason.SFTP_NO_FOLDER, secrets=key)
    closed = sshd.files / "closed"
    closed.mkdir(mode=0)
    read_only = sshd.files / "read-only"
    read_only.mkdir(mode=0o555)
    wanted = spec(sshd, folders=[{"path": str(closed)}])
    await expect(KIND, wanted, ours, Reason.SFTP_PERMISSION, secrets=key)
    wanted = spec(sshd, write={"folder": str(read_only)}, allow_writes="true")
    await expect(KIND, wanted, ours, Reason.SFTP_PERMISSION, secrets=key)
    closed.rmdir()
    read_only.rmdir()
    other = {"file:/run/key": (sshd.folder / "rsa").read_bytes()}
    await expect(KIND, spec(sshd), ours, Reason.SFTP_AUTH, secrets=other)
    wanted = spec(sshd, auth={"password": "env:P"})
    await expect(KIND, wanted, ours, Reason.SFTP_AUTH, secrets={"env:P": b"x"})
    wanted = spec(sshd, host_keys=[sshd.fingerprints["rsa"]])
    seen = await expect(KIND, wanted, ours, Reason.SFTP_HOST_KEY, secrets=key)
    assert steps(seen)[-1] == ("host_key", "misconfigured", "sftp.host_key")


async def test_what_sshd_could_not_do_is_down(sshd: Sshd) -> None:
    """SSH_FX_FAILURE, as of a full disk: here a folder stands where the file should go."""
    (sshd.files / ".wardwatch-test").mkdir()
    wanted = spec(sshd, write={"folder": str(sshd.files)}, allow_writes="true")
    key = {"file:/run/key": sshd.key}
    seen = await expect(KIND, wanted, Outcome.DOWN, Reason.SFTP_FAILURE, secrets=key)
    assert seen.facts[Fact.NOT_UNDONE] == 0
    assert [path.name for path in sshd.files.iterdir()] == [".wardwatch-test"]
    (sshd.files / ".wardwatch-test").rmdir()


async def test_an_rsa_host_key_is_pinned() -> None:
    with an_sshd("rsa") as sshd:
        wanted = spec(sshd, host_keys=[sshd.fingerprints["rsa"]])
        await expect(KIND, wanted, Outcome.UP, Reason.OK, secrets={"file:/run/key": sshd.key})


async def test_an_sshd_with_weak_algorithms_alone_is_refused() -> None:
    with an_sshd(more="KexAlgorithms diffie-hellman-group14-sha1") as sshd:
        key = {"file:/run/key": sshd.key}
        await expect(KIND, spec(sshd), Outcome.MISCONFIGURED, Reason.SFTP_ALGORITHMS, secrets=key)


async def test_a_stopped_sshd_is_down_and_a_silent_one_too() -> None:
    with an_sshd() as sshd:
        wanted, key = spec(sshd), {"file:/run/key": sshd.key}
    await expect(KIND, wanted, Outcome.DOWN, Reason.TCP_REFUSED, secrets=key)
    silent = await asyncio.start_server(lambda _r, _w: asyncio.sleep(60), "127.0.0.1", 0)
    async with silent:
        wanted["port"] = str(silent.sockets[0].getsockname()[1])
        await expect(KIND, wanted, Outcome.DOWN, Reason.SFTP_NO_BANNER, secrets=key, timeout_ms=400)
