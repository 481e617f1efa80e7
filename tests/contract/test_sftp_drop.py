"""The kind `sftp_drop`: every way an SFTP server can be, by the simulated one over real sockets."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncssh
import pytest
from pydantic import ValidationError

from probes import claim_files, sftp_run, sftp_session, sftp_visit
from probes.clock import ManualClock, SystemClock
from probes.configfile import ConfigErrors, load
from probes.contract import Fact, Outcome, Phase, Slot, Writes
from probes.kinds.sftp_drop import KIND
from probes.reasons import Reason
from probes.testing.sftp_server import File, SftpHost
from tests.contract import conformance
from tests.contract.conformance import CountingNetwork, conforms, environment, leaves, steps
from tests.support.soak import longer

expect = partial(conformance.expect, timeout_ms=20_000)  # of a machine that is busy
observe = partial(conformance.observe, timeout_ms=20_000)
ROOT = Path(__file__).resolve().parents[2]
CLOCK = SystemClock()
PASSWORD = {"file:/run/secrets/sftp": b"secret\n"}


def now_s() -> int:
    return CLOCK.now_ms() // 1000


@pytest.fixture
async def host() -> AsyncIterator[SftpHost]:
    one = SftpHost(clock_s=now_s)
    one.folders["/out"] = {b"a": File(now_s() - 60), b"b": File(now_s() - 3600)}
    await one.start()
    yield one
    await one.stop()


def spec(host: SftpHost, *folders: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "host": "127.0.0.1",
        "port": str(host.port),
        "host_keys": [host.fingerprint],
        "user": "wardwatch",
        "auth": {"password": "file:/run/secrets/sftp"},
        "folders": list(folders) or [{"path": "/out"}],
        **more,
    }


async def test_files_that_come_and_go_are_up_and_counted(host: SftpHost) -> None:
    seen = await expect(KIND, spec(host), Outcome.UP, Reason.OK, secrets=PASSWORD)
    assert steps(seen) == [
        ("connect", "up", "ok"),
        ("banner", "up", "ok"),
        ("host_key", "up", "ok"),
        ("login", "up", "ok"),
        ("list", "up", "ok"),
    ]
    assert set(seen.phases) == {Phase.CONNECT, Phase.FIRST_BYTE}
    assert seen.facts[Fact.FILES] == 2
    assert 60 <= seen.facts[Fact.NEWEST_S] < 120
    assert 3600 <= seen.facts[Fact.OLDEST_S] < 3700
    assert (seen.facts[Fact.STUCK], seen.facts[Fact.EMPTY_FILES]) == (0, 0)
    assert Fact.STUCK_S not in seen.facts
    assert Fact.NOT_UNDONE not in seen.facts


async def test_a_key_signs_in_and_another_does_not(host: SftpHost) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    host.authorized = (key.export_public_key().decode(),)
    secret = {"file:/run/key": key.export_private_key()}
    auth = {"key": "file:/run/key"}
    await expect(KIND, spec(host, auth=auth), Outcome.UP, Reason.OK, secrets=secret)
    other = {"file:/run/key": asyncssh.generate_private_key("ssh-ed25519").export_private_key()}
    wanted = spec(host, auth=auth)
    await expect(KIND, wanted, Outcome.MISCONFIGURED, Reason.SFTP_AUTH, secrets=other)


@pytest.mark.parametrize(
    ("auth", "secret"),
    [
        ({"password": "file:/run/secrets/sftp"}, {}),
        ({"key": "file:/k"}, {"file:/k": b"no key"}),
        ({"password": "file:/k"}, {"file:/k": b"\xff\xfe"}),
    ],
)
async def test_a_secret_that_is_none_is_unknown_and_nobody_is_asked(
    host: SftpHost, auth: dict[str, str], secret: dict[str, bytes]
) -> None:
    seen = await observe(KIND, spec(host, auth=auth), connections=0, secrets=secret)
    assert seen.observation.outcome is Outcome.UNKNOWN
    assert seen.observation.reason is Reason.AGENT_SECRET


FAULTS = [
    ("refuse", Outcome.DOWN, Reason.TCP_REFUSED, "connect"),
    ("reset", Outcome.DOWN, Reason.TCP_RESET, "connect"),
    ("reset_late", Outcome.DOWN, Reason.TCP_RESET, "banner"),
    ("closes", Outcome.DOWN, Reason.SFTP_NO_BANNER, "banner"),
    ("silent", Outcome.DOWN, Reason.SFTP_NO_BANNER, "banner"),
    ("not_ssh", Outcome.DOWN, Reason.SFTP_NOT_SSH, "banner"),
    ("ssh_1", Outcome.DOWN, Reason.SFTP_NOT_SSH, "banner"),
    ("banner_only", Outcome.DOWN, Reason.SFTP_TIMEOUT, "banner"),
    ("weak", Outcome.MISCONFIGURED, Reason.SFTP_ALGORITHMS, "banner"),
    ("weak_ends", Outcome.MISCONFIGURED, Reason.SFTP_ALGORITHMS, "banner"),
    ("rejects", Outcome.MISCONFIGURED, Reason.SFTP_AUTH, "login"),
    ("no_sftp", Outcome.MISCONFIGURED, Reason.SFTP_NO_SFTP, "login"),
    ("ends_at_once", Outcome.MISCONFIGURED, Reason.SFTP_NO_SFTP, "login"),
    ("garbage", Outcome.DOWN, Reason.SFTP_PROTOCOL, "list"),
    ("too_large", Outcome.DOWN, Reason.SFTP_PROTOCOL, "list"),
    ("wrong_id", Outcome.DOWN, Reason.SFTP_PROTOCOL, "list"),
    ("hangs", Outcome.DOWN, Reason.SFTP_TIMEOUT, "list"),
    ("cut", Outcome.DOWN, Reason.SFTP_CLOSED, "list"),
    ("failure", Outcome.DOWN, Reason.SFTP_FAILURE, "list"),
    ("denied", Outcome.MISCONFIGURED, Reason.SFTP_PERMISSION, "list"),
]


@pytest.mark.parametrize(("fault", "outcome", "reason", "last"), FAULTS)
async def test_each_fault_has_its_outcome_and_reason_at_its_step(
    host: SftpHost, fault: str, outcome: Outcome, reason: Reason, last: str
) -> None:
    wanted = spec(host)
    host.set_fault(fault)
    waits = {"silent": 400, "banner_only": 2_000, "hangs": 2_000}
    seen = await expect(
        KIND, wanted, outcome, reason, secrets=PASSWORD, timeout_ms=waits.get(fault, 20_000)
    )
    if fault != "reset":  # the kernel may tell at once, or when something is read
        assert steps(seen)[-1] == (last, outcome.value, reason.value)
    assert [one for one in steps(seen)[:-1] if one[1:] != ("up", "ok")] == []


async def test_a_missing_folder_is_ours_and_the_others_are_listed(host: SftpHost) -> None:
    wanted = spec(host, {"path": "/gone"}, {"path": "/out"})
    seen = await expect(
        KIND, wanted, Outcome.MISCONFIGURED, Reason.SFTP_NO_FOLDER, secrets=PASSWORD
    )
    assert steps(seen)[-2:] == [
        ("list", "misconfigured", "sftp.no_folder"),
        ("list", "up", "ok"),
    ]
    assert seen.facts[Fact.FILES] == 2


async def test_another_host_key_is_told_and_nobody_signs_in(host: SftpHost) -> None:
    wanted = spec(host)
    host.change_host_key()
    seen = await expect(KIND, wanted, Outcome.MISCONFIGURED, Reason.SFTP_HOST_KEY, secrets=PASSWORD)
    assert steps(seen)[-1] == ("host_key", "misconfigured", "sftp.host_key")
    assert host.sign_ins == 0
    wanted["host_keys"].append(host.fingerprint)  # the old and the new, while it changes
    await expect(KIND, wanted, Outcome.UP, Reason.OK, secrets=PASSWORD)


@pytest.mark.parametrize("kind", ["ecdsa-sha2-nistp256", "ssh-rsa"])
async def test_host_keys_of_other_kinds_are_pinned_alike(host: SftpHost, kind: str) -> None:
    host.change_host_key(kind)
    await expect(KIND, spec(host), Outcome.UP, Reason.OK, secrets=PASSWORD)


async def test_nothing_is_sent_after_a_wrong_host_key(host: SftpHost) -> None:
    wanted = spec(host)
    host.change_host_key()
    told: list[str] = []
    ended = asyncio.Event()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str) -> None:
        while data := await reader.read(65536):
            told.append(name)
            writer.write(data)
        told.append(f"{name} ended")
        writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", host.port)
        await asyncio.gather(pump(reader, forth, "agent"), pump(back, writer, "server"))
        ended.set()

    async with await asyncio.start_server(relay, "127.0.0.1", 0) as server:
        wanted["port"] = str(server.sockets[0].getsockname()[1])
        await expect(KIND, wanted, Outcome.MISCONFIGURED, Reason.SFTP_HOST_KEY, secrets=PASSWORD)
        await ended.wait()
    sent = [one for one in told if one in {"agent", "server"}]
    assert sent[-1] == "server"  # the host key came, and no byte went after it
    assert "agent ended" in told


async def test_bytes_that_change_on_the_way_are_no_crash(host: SftpHost) -> None:
    """Flipped, put in or left out, anywhere in what the server says."""
    rng = random.Random(7)
    at, put = [0], [b""]

    async def pump(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, bad: bool
    ) -> None:
        with suppress(OSError):
            passed = 0
            while data := await reader.read(65536):
                place = at[0] - passed
                passed += len(data)
                if bad and 0 <= place < len(data):
                    data = data[:place] + put[0] + data[place + 1 :]
                writer.write(data)
        writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", host.port)
        await asyncio.gather(pump(reader, forth, bad=False), pump(back, writer, bad=True))

    reasons = set()
    async with await asyncio.start_server(relay, "127.0.0.1", 0) as server:
        wanted = spec(host, port=str(server.sockets[0].getsockname()[1]))
        for _ in range(longer(40)):
            at[0] = int(rng.choice([40, 900, 3000]) * rng.random())
            put[0] = rng.randbytes(rng.choice([0, 1, 1, 1, 40]))
            run = await observe(KIND, wanted, secrets=PASSWORD, timeout_ms=300)
            reasons.add(run.observation.reason)
    assert reasons - {Reason.OK}


JUDGED = [
    ({"max_files": "2"}, None, Reason.OK),
    ({"max_files": "1"}, None, Reason.SFTP_BACKLOG),
    ({"max_oldest": "2h"}, None, Reason.OK),
    ({"max_oldest": "59m"}, None, Reason.SFTP_WAITING),
    ({"max_newest": "2m"}, None, Reason.OK),
    ({"max_newest": "59s"}, None, Reason.SFTP_STALE),
    ({"max_newest": "2m", "match": ["*.835"]}, None, Reason.SFTP_STALE),
    ({"match": ["*.835"]}, None, Reason.OK),
    ({}, {b"c.tmp": File(3700)}, Reason.SFTP_STUCK),
    ({}, {b"c.tmp": File(3500)}, Reason.OK),
    ({}, {b"c.filepart": File(3700)}, Reason.SFTP_STUCK),
    ({}, {b"c": File(1000, b"")}, Reason.SFTP_EMPTY_FILE),
    ({}, {b"c": File(800, b"")}, Reason.OK),
    ({}, {b"c": File(-400)}, Reason.SFTP_CLOCK),
    ({}, {b"c": File(-200)}, Reason.OK),
    ({"max_newest": "2m"}, {b"d": File(None)}, Reason.OK),
]


@pytest.mark.parametrize(("folder", "files", "reason"), JUDGED)
async def test_thresholds_have_reasons_of_their_own(
    host: SftpHost, folder: dict[str, Any], files: dict[bytes, File] | None, reason: Reason
) -> None:
    """Of the files here the number is an age."""
    for name, file in (files or {}).items():
        at_s = None if file.mtime_s is None else now_s() - file.mtime_s
        host.folders["/out"][name] = File(at_s, file.data)
    outcome = Outcome.UP if reason is Reason.OK else Outcome.DEGRADED
    wanted = spec(host, {"path": "/out", **folder})
    await expect(KIND, wanted, outcome, reason, secrets=PASSWORD)


async def test_a_file_that_came_and_was_fetched_has_come(host: SftpHost) -> None:
    clock = ManualClock(CLOCK.now_ms())
    env = replace(environment(secrets=PASSWORD, timeout_ms=20_000), clock=clock)
    wanted = spec(host, {"path": "/out", "max_newest": "2h"})
    async with KIND.open(KIND.parse(wanted), env) as probe:
        host.folders["/out"] = {}
        assert (await probe.run(Slot("x", 0))).reason is Reason.SFTP_STALE
        host.folders["/out"] = {b"a": File(clock.now_ms() // 1000 - 60)}
        assert (await probe.run(Slot("x", 0))).reason is Reason.OK
        host.folders["/out"] = {}  # by those it is for, as every day
        await clock.advance(7_000_000)
        seen = await probe.run(Slot("x", 0))
        assert (seen.reason, seen.facts[Fact.FILES]) == (Reason.OK, 0)
        assert 7_060 <= seen.facts[Fact.NEWEST_S] <= 7_061
        await clock.advance(200_000)
        assert (await probe.run(Slot("x", 0))).reason is Reason.SFTP_STALE
        host.folders["/out"] = {b"b": File(clock.now_ms() // 1000 + 10**7)}
        assert (await probe.run(Slot("x", 0))).reason is Reason.SFTP_CLOCK
        host.folders["/out"] = {}
        await clock.advance(7_300_000)  # a time in the future hides nobody's absence
        assert (await probe.run(Slot("x", 0))).reason is Reason.SFTP_STALE


async def test_temporary_files_are_what_the_file_says_and_count_as_no_file(host: SftpHost) -> None:
    host.folders["/out"][b"x.uploading"] = File(now_s() - 400)
    wanted = spec(host, temporary={"match": ["*.uploading"], "stuck_after": "5m"})
    seen = await expect(KIND, wanted, Outcome.DEGRADED, Reason.SFTP_STUCK, secrets=PASSWORD)
    assert (seen.facts[Fact.STUCK], seen.facts[Fact.FILES]) == (1, 2)
    assert 400 <= seen.facts[Fact.STUCK_S] < 460


async def test_a_listing_without_end_is_left_at_the_bound(
    host: SftpHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sftp_session.MOST_ENTRIES == 100_000
    monkeypatch.setattr(sftp_session, "MOST_ENTRIES", 1_000)
    host.set_fault("endless")
    wanted = spec(host, {"path": "/out", "max_newest": "1m"})
    seen = await expect(KIND, wanted, Outcome.DEGRADED, Reason.SFTP_TOO_MANY, secrets=PASSWORD)
    assert seen.facts[Fact.FILES] == 997  # two dots and a folder


async def test_the_bound_is_of_all_folders_together(
    host: SftpHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sftp_session, "MOST_ENTRIES", 700)
    for folder in ("/x", "/y"):
        host.folders[folder] = {b"%d" % n: File(now_s()) for n in range(400)}
    wanted = spec(host, {"path": "/x"}, {"path": "/y", "max_newest": "1h"}, {"path": "/out"})
    seen = await expect(KIND, wanted, Outcome.DEGRADED, Reason.SFTP_TOO_MANY, secrets=PASSWORD)
    assert steps(seen)[-3:] == [
        ("list", "up", "ok"),
        ("list", "degraded", "sftp.too_many"),
        ("list", "degraded", "sftp.too_many"),
    ]
    assert seen.facts[Fact.FILES] == 700 - 6  # two dots and a folder, twice


def test_what_a_run_may_list_and_read_fits_into_what_a_connection_may_bring() -> None:
    entry = 2 * 255 + 128  # its name, itself and in a line with owner, size and date
    heads = claim_files.MOST_READ + 16 * (1 << 20)
    assert sftp_session.MOST_ENTRIES * entry + heads < sftp_visit.MOST_BYTES


async def test_a_listing_of_nothing_for_ever_is_left_at_the_bound(
    host: SftpHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sftp_session, "MOST_ENTRIES", 100)
    host.set_fault("lists_nothing")
    seen = await expect(KIND, spec(host), Outcome.DEGRADED, Reason.SFTP_TOO_MANY, secrets=PASSWORD)
    assert seen.facts[Fact.FILES] == 0
    assert len(host.asked) == 103  # version, folder, 100 times nothing, and its end


def writing(host: SftpHost) -> dict[str, Any]:
    host.folders["/in"] = {}
    return spec(host, write={"folder": "/in"}, allow_writes="true")


async def test_the_write_test_writes_renames_and_deletes(host: SftpHost) -> None:
    seen = await expect(KIND, writing(host), Outcome.UP, Reason.OK, secrets=PASSWORD)
    assert host.asked == ["remove", "remove", "write", "rename", "remove", "list"]
    assert host.folders["/in"] == {}
    assert steps(seen)[-2:] == [("write", "up", "ok"), ("list", "up", "ok")]
    assert seen.facts[Fact.NOT_UNDONE] == 0
    assert seen.facts[Fact.CLOCK_SKEW_S] in {-1, 0, 1}


@pytest.mark.parametrize(
    ("fault", "outcome", "reason", "stands"),
    [
        ("read_only", Outcome.MISCONFIGURED, Reason.SFTP_PERMISSION, 0),
        ("disk_full", Outcome.DOWN, Reason.SFTP_FAILURE, 0),
        ("no_delete", Outcome.DEGRADED, Reason.SFTP_NOT_UNDONE, 1),
    ],
)
async def test_what_cannot_be_written_or_deleted_is_told(
    host: SftpHost, fault: str, outcome: Outcome, reason: Reason, stands: int
) -> None:
    wanted = writing(host)
    host.set_fault(fault)
    seen = await expect(KIND, wanted, outcome, reason, secrets=PASSWORD)
    assert steps(seen)[-2:] == [("write", outcome.value, reason.value), ("list", "up", "ok")]
    assert seen.facts[Fact.NOT_UNDONE] == stands
    assert len(host.folders["/in"]) == stands


async def test_what_one_run_left_the_next_one_deletes(host: SftpHost) -> None:
    wanted = writing(host)
    env = environment(secrets=PASSWORD)
    async with KIND.open(KIND.parse(wanted), env) as probe:
        host.set_fault("no_delete")
        assert (await probe.run(Slot("x", 0))).reason is Reason.SFTP_NOT_UNDONE
        assert len(host.folders["/in"]) == 1
        host.set_fault("none")
        seen = await probe.run(Slot("x", 0))
    assert (seen.reason, seen.facts[Fact.NOT_UNDONE]) == (Reason.OK, 0)
    assert host.folders["/in"] == {}


async def test_a_run_that_never_wrote_leaves_nothing_behind(host: SftpHost) -> None:
    wanted = writing(host)
    host.set_fault("refuse")
    seen = await expect(KIND, wanted, Outcome.DOWN, Reason.TCP_REFUSED, secrets=PASSWORD)
    assert seen.facts == {Fact.NOT_UNDONE: 0}


async def test_ages_go_by_the_clock_that_the_write_test_shows(host: SftpHost) -> None:
    host.clock_s = lambda: now_s() + 120
    host.folders["/out"] = {b"a": File(now_s() + 120 - 600)}
    wanted = writing(host) | {"folders": [{"path": "/out", "max_oldest": "9m"}]}
    seen = await expect(KIND, wanted, Outcome.DEGRADED, Reason.SFTP_WAITING, secrets=PASSWORD)
    assert 598 <= seen.facts[Fact.OLDEST_S] < 660
    assert 118 <= seen.facts[Fact.CLOCK_SKEW_S] <= 122
    host.clock_s = lambda: now_s() - 400
    wanted = writing(host)
    seen = await expect(KIND, wanted, Outcome.DEGRADED, Reason.SFTP_CLOCK, secrets=PASSWORD)
    assert -402 <= seen.facts[Fact.CLOCK_SKEW_S] <= -398


async def test_no_word_of_the_far_side_gets_out(
    host: SftpHost, caplog: pytest.LogCaptureFixture
) -> None:
    canary = secrets.token_hex(12)
    name = f"ZZDOE^{canary}.tmp".encode()
    host.banner = f"welcome {canary}\n"
    host.folders["/out"] = {name: File(0, canary.encode()), canary.encode(): File(0, b"")}
    caplog.set_level(logging.DEBUG)
    library = logging.getLogger("asyncssh")
    before = library.level
    library.setLevel(logging.DEBUG)  # as somebody would who looks for a fault
    asyncssh.set_debug_level(3)
    try:
        for fault in ("none", "rejects", "failure", "garbage"):
            host.set_fault(fault)
            run = await observe(KIND, spec(host), secrets=PASSWORD)
            assert canary not in repr(run.observation)
            assert not [leaf for leaf in leaves(run.observation) if canary in str(leaf)]
    finally:
        library.setLevel(before)
        asyncssh.set_debug_level(1)
    assert canary not in caplog.text
    assert not [one for one in caplog.records if one.name.startswith("asyncssh")]


async def test_the_host_decides_where_it_may_connect(host: SftpHost) -> None:
    allowed: list[str] = []

    def allow(_address: object, _port: int, scheme: str) -> bool:
        allowed.append(scheme)
        return False

    network = CountingNetwork(allow=allow)
    await expect(
        KIND,
        spec(host),
        Outcome.UNKNOWN,
        Reason.AGENT_NOT_ALLOWED,
        secrets=PASSWORD,
        network=network,
    )
    assert allowed == ["sftp"]


async def test_no_file_of_the_agents_account_is_read(
    host: SftpHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssh = tmp_path / ".ssh"
    ssh.mkdir()
    (ssh / "config").write_text("Host *\n  User somebody-else\n  Compression bogus-value\n")
    (ssh / "known_hosts").write_text("not a known_hosts file\x00\n")
    (ssh / "id_ed25519").write_text("not a key\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    await expect(KIND, spec(host), Outcome.UP, Reason.OK, secrets=PASSWORD)


async def test_without_the_library_it_says_what_to_install(
    host: SftpHost, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing(name: str) -> object:
        raise ModuleNotFoundError(name=name)

    util = SimpleNamespace(find_spec=lambda _name: None)
    monkeypatch.setattr(sftp_run, "importlib", SimpleNamespace(import_module=missing, util=util))
    await expect(KIND, spec(host), Outcome.UNKNOWN, Reason.AGENT_CONFIG, secrets=PASSWORD)
    assert "kind.library_missing kind=sftp_drop extra=sftp" in caplog.text
    with pytest.raises(ModuleNotFoundError):
        KIND.prepare(KIND.parse(spec(host)))


@pytest.mark.parametrize("check", ["claims-drop", "claims-answered"])
def test_a_file_is_refused_with_what_to_install(
    check: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    util = SimpleNamespace(find_spec=lambda _name: None)
    monkeypatch.setattr(sftp_run, "importlib", SimpleNamespace(util=util))
    with pytest.raises(ConfigErrors) as caught:
        load(str(ROOT / "wardwatch.example.yaml"))
    needed = "needs the library asyncssh: pip install 'wardwatch[sftp]'"
    assert f"checks.{check}.kind: {needed}" in str(caught.value)


async def test_many_runs_leave_no_connection_and_no_task(host: SftpHost) -> None:
    env = environment(secrets=PASSWORD)
    async with KIND.open(KIND.parse(spec(host)), env) as probe:
        await probe.run(Slot("x", 0))
        before = len(asyncio.all_tasks())
        for _ in range(20):
            conforms(KIND, await probe.run(Slot("x", 0)))
    for _ in range(100):
        if len(asyncio.all_tasks()) <= before:
            break
        await asyncio.sleep(0.01)
    assert len(asyncio.all_tasks()) <= before


def test_a_writing_check_is_alone_and_not_too_often() -> None:
    base = {
        "host": "SFTP.example.org",
        "host_keys": ["SHA256:" + "A" * 43],
        "user": "u",
        "auth": {"password": "env:P"},
        "folders": [{"path": "/out/"}],
    }
    parsed = KIND.parse(base)
    assert KIND.writes(parsed) is None
    assert (parsed.port, parsed.folders[0].path) == (22, "/out")
    writes = KIND.parse(base | {"write": {"folder": "/in/"}, "allow_writes": "true"})
    assert KIND.writes(writes) == Writes(60_000, "sftp.example.org:22/in")


WRONG: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda s: s.pop("host_keys"), "Field required"),
    (lambda s: s.update(host_keys=[]), "at least 1 item"),
    (lambda s: s.update(host_keys=["MD5:aa:bb"]), "SHA256: and 43"),
    (lambda s: s.update(host_keys=["SHA256:" + "A" * 42 + "B"]), "SHA256: and 43"),
    (lambda s: s.update(auth={}), "one of both"),
    (lambda s: s.update(auth={"password": "hunter2"}), "pattern"),
    (lambda s: s.update(folders=[]), "at least 1 item"),
    (lambda s: s.update(folders=[{"path": "out"}]), "absolute path"),
    (lambda s: s.update(folders=[{"path": "/a/../b"}]), "without .."),
    (lambda s: s.update(folders=[{"path": "/a"}, {"path": "/a/"}]), "listed twice"),
    (lambda s: s.update(write={"folder": "/in"}), "allow_writes"),
    (lambda s: s.update(allow_writes="true"), "there is none"),
    (lambda s: s.update(known_hosts="/x"), "Extra inputs"),
]


@pytest.mark.parametrize(("change", "says"), WRONG)
def test_a_wrong_spec_is_refused(change: Callable[[dict[str, Any]], object], says: str) -> None:
    wanted: dict[str, Any] = {
        "host": "sftp.example.org",
        "host_keys": ["SHA256:" + "A" * 43],
        "user": "u",
        "auth": {"password": "env:P"},
        "folders": [{"path": "/out"}],
    }
    KIND.parse(wanted)
    change(wanted)
    with pytest.raises(ValidationError) as caught:
        KIND.parse(wanted)
    assert says in str(caught.value)
