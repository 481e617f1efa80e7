"""The kinds `sftp_drop` and `claim_chain` against OpenSSH's `sshd` and its internal SFTP server."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from probes.clock import SystemClock
from probes.contract import Fact, Outcome
from probes.kinds import claim_chain
from probes.kinds.sftp_drop import KIND
from probes.reasons import Reason
from tests.contract import conformance
from tests.contract.conformance import steps
from tests.support.claim_texts import accepted_277ca, ack_999, claim
from tests.support.sshd import Sshd, an_sshd

expect = partial(conformance.expect, timeout_ms=20_000)  # of a machine that is busy
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


async def test_claims_and_their_answers_are_followed_in_real_files(sshd: Sshd) -> None:
    at_s = SystemClock().now_ms() // 1000 - 100_000
    for folder in ("sent", "acks"):
        (sshd.files / folder).mkdir()
    for number in range(1, 41):  # more than are read at once
        path = sshd.files / "sent" / f"{number}.837"
        path.write_bytes(claim(number, more="NTE*ADD*" + "x" * 100_000 + "~"))
        os.utime(path, (at_s, at_s))
        for name, data in (("999", ack_999(number)), ("277", accepted_277ca(number))):
            path = sshd.files / "acks" / f"{number}.{name}"
            path.write_bytes(data + b"\n" * 40_000)
            os.utime(path, (at_s + 60, at_s + 60))
    acks = str(sshd.files / "acks")
    reach = {key: one for key, one in spec(sshd).items() if key != "folders"}
    wanted = {
        "sftp": reach,
        "sent": {"folder": str(sshd.files / "sent")},
        "answers": {
            "999": {"folder": acks, "match": ["*.999"], "within": "1d"},
            "277ca": {"folder": acks, "match": ["*.277"], "within": "1d"},
        },
    }
    key = {"file:/run/key": sshd.key}
    kind = claim_chain.KIND
    seen = await expect(kind, wanted, Outcome.UP, Reason.OK, secrets=key)
    assert (seen.facts[Fact.CLAIMS_SENT], seen.facts[Fact.CLAIMS_277CA]) == (40, 40)
    (sshd.files / "acks" / "7.277").unlink()
    seen = await expect(kind, wanted, Outcome.DEGRADED, Reason.CLAIMS_NO_277CA, secrets=key)
    assert seen.facts[Fact.CLAIMS_LATE] == 1
    (sshd.files / "acks" / "8.999").write_bytes(ack_999(8, "R", "R"))
    os.utime(sshd.files / "acks" / "8.999", (at_s + 90, at_s + 90))
    seen = await expect(kind, wanted, Outcome.DEGRADED, Reason.CLAIMS_NO_277CA, secrets=key)
    assert seen.facts[Fact.CLAIMS_REJECTED] == 1
    (sshd.files / "acks" / "9.999").chmod(0)
    await expect(kind, wanted, Outcome.MISCONFIGURED, Reason.SFTP_PERMISSION, secrets=key)
    for folder in ("sent", "acks"):
        shutil.rmtree(sshd.files / folder)


async def test_what_sshd_could_not_do_is_down(sshd: Sshd) -> None:
    """SSH_FX_FAILURE, as of a full disk: here a folder stands where the file should go."""
    (sshd.files / ".wardwatch-test").mkdir()
    wanted = spec(sshd, write={"folder": str(sshd.files)}, allow_writes="true")
    key = {"file:/run/key": sshd.key}
    seen = await expect(KIND, wanted, Outcome.DOWN, Reason.SFTP_FAILURE, secrets=key)
    assert seen.facts[Fact.NOT_UNDONE] == 0
    assert (sshd.files / ".wardwatch-test").is_dir()
    assert not (sshd.files / ".wardwatch-test.tmp").exists()
    (sshd.files / ".wardwatch-test").rmdir()


async def test_an_rsa_host_key_is_pinned() -> None:
    with an_sshd("rsa") as sshd:
        wanted = spec(sshd, host_keys=[sshd.fingerprints["rsa"]])
        await expect(KIND, wanted, Outcome.UP, Reason.OK, secrets={"file:/run/key": sshd.key})


async def test_an_sshd_with_weak_algorithms_alone_is_refused() -> None:
    with an_sshd(more="KexAlgorithms diffie-hellman-group14-sha1") as sshd:
        key = {"file:/run/key": sshd.key}
        await expect(KIND, spec(sshd), Outcome.MISCONFIGURED, Reason.SFTP_ALGORITHMS, secrets=key)


async def test_a_stopped_sshd_is_down_and_one_that_hangs_too() -> None:
    with an_sshd() as sshd:
        wanted, key = spec(sshd), {"file:/run/key": sshd.key}
        sshd.process.send_signal(signal.SIGSTOP)
        await expect(KIND, wanted, Outcome.DOWN, Reason.SFTP_NO_BANNER, secrets=key, timeout_ms=400)
    await expect(KIND, wanted, Outcome.DOWN, Reason.TCP_REFUSED, secrets=key)
