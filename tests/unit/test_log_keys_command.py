"""`wardwatch log key`, `policy` and `restart`: what is made, printed, recorded, and what refuses."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from collector import journal, versions
from collector.attest import entries, note, policyfile, vkey
from collector.attest.entries import LogStart
from collector.attest.policy import accept
from collector.cli import main
from collector.store.store import Store
from collector.tlog import checkpoints, epochs, keyrows, reading
from collector.tlog.epochs import Log
from collector.tlog.guard import Guard, Head
from collector.tlog.signer import open_file, vkey_of
from collector.witness.client import opened
from probes.configfile import canonical
from tests.support.commanding import Shell, a_shell
from tests.support.rounds import ORG, config
from tests.support.signing_logs import made_key

Capture = pytest.CaptureFixture[str]
ORIGIN, OTHER = "log.example.org/wardwatch", "log.example.org/again"
EVERY_MS = 300_000


@dataclass
class Signed:
    """A collector that signs, and the shell of its admin."""

    shell: Shell
    store: Store
    key: Path
    guard: Path

    async def step(self) -> None:
        """Evaluate, log, and sign what is due."""
        service = self.shell.collector.service
        assert service.parts.signing is not None
        for _ in range(2):  # a change of keys comes first
            await self.shell.collector.clock.advance(EVERY_MS)
            await service.parts.evaluator.step()
            async with opened() as session:
                await service.parts.signing.publisher.look(session)

    async def told(self, origin: str, key: Path | None = None) -> None:
        """The operator has changed the file."""
        used = config(evidence_log={"origin": origin, "keys": [f"file:{key or self.key}"]})
        now = self.shell.collector.clock.now_ms()
        await self.store.write(versions.record, ORG, canonical(used), now)
        await self.step()

    def vkey(self, log: Log = Log.EVIDENCE, origin: str = ORIGIN) -> str:
        return vkey_of(open_file(self.key), f"{origin}/{log}").text()


@pytest.fixture
async def signed(sqlite_store: Store, tmp_path: Path, capsys: Capture) -> AsyncIterator[Signed]:
    key, guard = made_key(tmp_path), tmp_path / "signed"
    used = config(evidence_log={"origin": ORIGIN, "keys": [f"file:{key}"]})
    async with a_shell(sqlite_store, tmp_path, used, log_guard=guard) as shell:
        await shell.admin()
        capsys.readouterr()
        yield Signed(shell, sqlite_store, key, guard)


def test_a_new_key_is_made_and_what_to_do_next_is_said(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "log.key"
    assert main(["log", "key", "new", str(file), "--origin", ORIGIN]) == 0
    told = capsys.readouterr()
    keys = [vkey.parse(line) for line in told.out.splitlines()]
    assert keys == [vkey_of(open_file(file), f"{ORIGIN}/{log}") for log in ("evidence", "audit")]
    assert f"evidence_log: {{origin: {ORIGIN}, keys: [file:{file}]}}" in told.err
    assert "wardwatch log policy --out evidence.policy" in told.err
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.stat().st_size == 32


def test_a_key_is_never_written_over(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "log.key"
    file.write_bytes(b"mine")
    assert main(["log", "key", "new", str(file), "--origin", ORIGIN]) == 2
    assert capsys.readouterr().err == f"{file} is there already; name a new file\n"
    assert file.read_bytes() == b"mine"
    away = tmp_path / "away" / "log.key"
    assert main(["log", "key", "new", str(away), "--origin", ORIGIN]) == 2
    assert capsys.readouterr().err == f"{away} cannot be made: No such file or directory\n"


@pytest.mark.parametrize("origin", ["https://log.example.org", "a b", "a+b", "/a", "a/", ""])
def test_an_origin_is_a_name(tmp_path: Path, capsys: Capture, origin: str) -> None:
    file = tmp_path / "log.key"
    with pytest.raises(SystemExit) as caught:
        main(["log", "key", "new", str(file), "--origin", origin])
    assert caught.value.code == 2
    assert "write a name without a scheme" in capsys.readouterr().err
    assert not file.exists()


def test_a_program_gets_the_new_keys_as_json(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "log.key"
    assert main(["log", "key", "new", str(file), "--origin", ORIGIN, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["file"] == str(file)
    assert told["keys"]["audit"] == vkey_of(open_file(file), f"{ORIGIN}/audit").text()


async def test_the_policy_accepts_what_was_signed(
    signed: Signed, tmp_path: Path, capsys: Capture
) -> None:
    assert await signed.shell.run("log", "policy") == 1
    assert "[log.unknown]" in capsys.readouterr().err
    await signed.step()
    for log in Log:
        out = tmp_path / f"{log}.policy"
        words = ("log", "policy", "--log", log.value, "--out", str(out), "--json")
        assert await signed.shell.run(*words) == 0
        assert json.loads(capsys.readouterr().out) == {
            "out": str(out),
            "log": log.value,
            "keys": [signed.vkey(log)],
            "witnesses": 0,
        }
        published = await signed.store.read(checkpoints.latest, ORG, log)
        assert published is not None
        policy = policyfile.parse(out.read_bytes())
        assert accept(policy, note.parse(published.note)).checkpoint.size == published.size
    assert await signed.shell.run("log", "policy", "--json") == 2
    assert capsys.readouterr().err == "--json: says what was written to --out FILE\n"
    assert await signed.shell.run("log", "policy") == 0
    assert capsys.readouterr().out == (
        f"# Trust policy of the log {ORIGIN}/evidence (C2SP tlog-policy).\n"
        "# Compare its keys with what you were given before; then keep this file, not its copies.\n"
        f"log {signed.vkey()}\n"
        "quorum none\n"
    )


async def test_a_revoked_key_signs_nothing_and_stands_in_no_policy(
    signed: Signed, tmp_path: Path, capsys: Capture
) -> None:
    await signed.step()
    key = signed.vkey()
    words = ("log", "key", "revoke", key, "--last-size", "4", "--reason", "compromised")
    assert await signed.shell.run(*words) == 0
    assert capsys.readouterr().out.startswith(
        f"Revoked: of {ORIGIN}/evidence its signatures are good for 4 entries at most.\n"
    )
    (row,) = await signed.store.read(journal.rows, ORG, kind="log.key_revoked")
    assert row.actor == "admin-1"
    assert json.loads(row.data) == {"key": key, "last_size": 4, "reason": "compromised"}
    await signed.step()
    assert await signed.shell.run("status") == 0
    assert (
        "Not signed: evidence log; all keys in the file are revoked. Make another with `wardwatch log "
        "key new FILE`, and name it under evidence_log.keys." in capsys.readouterr().out
    )
    assert await signed.shell.run("log", "policy") == 1
    assert "[log.no_keys]" in capsys.readouterr().err
    await signed.told(ORIGIN, made_key(tmp_path, "new.key"))
    assert await signed.shell.run("log", "policy") == 0
    told = capsys.readouterr().out
    assert f"# revoked (compromised), good for 4 entries at most:\n# log {key}\n" in told
    assert [one.text() for one in policyfile.parse(told.encode()).logs] != [key]


@pytest.mark.parametrize(
    ("key", "size", "code"),
    [
        ("log.example.org+00000000+AAAA", "4", 2),
        ("", "4", 2),
        ("witness", "4", 2),
        ("other", "4", 1),
        ("own", "-1", 2),
    ],
)
async def test_what_is_no_key_of_ours_cannot_be_revoked(
    signed: Signed, tmp_path: Path, capsys: Capture, key: str, size: str, code: int
) -> None:
    await signed.step()
    public = open_file(signed.key).public_key
    witness = vkey.VerifierKey(f"{ORIGIN}/evidence", vkey.SignatureType.COSIGNATURE, public)
    other = vkey_of(open_file(made_key(tmp_path, "other.key")), f"{ORIGIN}/evidence")
    text = {"witness": witness.text(), "other": other.text(), "own": signed.vkey()}.get(key, key)
    words = ("log", "key", "revoke", text, "--last-size", size, "--reason", "lost")
    assert await signed.shell.run(*words) == code
    assert await signed.store.read(journal.rows, ORG, kind="log.key_revoked") == []


async def test_logs_begin_anew_under_another_origin_and_name_the_old_heads(
    signed: Signed, capsys: Capture
) -> None:
    await signed.step()
    restart = ("log", "restart", "--reason", "restored", "--ref", "CHG0042")
    assert await signed.shell.run(*restart) == 1
    assert "[log.same_origin]" in capsys.readouterr().err
    old = await signed.store.read(checkpoints.latest, ORG, Log.EVIDENCE)
    assert old is not None
    lost = Head(old.size + 30, bytes(range(32)))  # signed by this host, and not in its database
    Guard(signed.guard).note(f"{ORIGIN}/evidence", lost)
    await signed.told(OTHER)
    assert await signed.shell.run("status") == 0
    assert "Not signed: evidence and audit log; the file names another origin" in (
        capsys.readouterr().out
    )
    assert await signed.shell.run(*restart) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"Both logs begin anew as {OTHER}, epoch 2; they go on from:"
    assert told[2].split()[:2] == [f"{ORIGIN}/evidence", str(lost.size)]
    assert told[-1] == "Witnesses and auditors need the new policy: wardwatch log policy"
    (row,) = await signed.store.read(journal.rows, ORG, kind="log.started")
    assert (row.actor, json.loads(row.data)["ref"]) == ("admin-1", "CHG0042")
    (first,) = await signed.store.read(
        lambda conn: list(reading.entries(conn, ORG, Log.EVIDENCE, 0, 1))
    )
    start = entries.parse(first)
    assert isinstance(start, LogStart)
    assert start.previous == entries.Previous(f"{ORIGIN}/evidence", lost.size, lost.root)
    await signed.step()
    published = await signed.store.read(checkpoints.latest, ORG, Log.EVIDENCE)
    assert published is not None
    assert published.epoch == 2
    assert note.parse(published.note).text.startswith(f"{OTHER}/evidence\n")
    assert await signed.shell.run("log", "policy") == 0
    assert f"log {signed.vkey(origin=OTHER)}\n" in capsys.readouterr().out
    await signed.told(ORIGIN)
    assert await signed.shell.run(*restart) == 1
    assert "[log.origin_taken]" in capsys.readouterr().err
    assert len(await signed.store.read(epochs.of, ORG, Log.AUDIT)) == 2


async def test_a_new_origin_is_vouched_for_by_the_key_of_the_old_one(signed: Signed) -> None:
    await signed.step()
    await signed.told(OTHER)
    await signed.shell.run("log", "restart", "--reason", "renamed")
    await signed.step()
    keys = (await signed.store.read(keyrows.read, ORG)).keys
    assert keys[signed.vkey(origin=OTHER)].vouched
    assert keys[signed.vkey()].removed is not None


async def test_a_collector_that_was_not_told_where_its_guard_is_restarts_nothing(
    sqlite_store: Store, tmp_path: Path, capsys: Capture
) -> None:
    async with a_shell(sqlite_store, tmp_path) as shell:
        await shell.admin()
        assert await shell.run("log", "restart", "--reason", "renamed") == 1
        assert "[log.not_configured]" in capsys.readouterr().err
