"""What an agent takes of what it is served, and what it keeps: signed by the right key, never older."""

from __future__ import annotations

import errno
import logging
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import enrolled
from agent.collectorkey import CollectorKey
from agent.configcache import ConfigCache
from agent.enrolled import Enrolled
from agent.keptfile import KeptFile
from probes import agentconfig, envelope
from probes.agentconfig import AgentConfigError, Fault, part_of
from probes.agentkeys import fingerprint
from probes.config_checks import Check
from tests.support.rounds import config

KEY, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))
PINNED = agentconfig.public_text(KEY)


def signed(version: int, key: Ed25519PrivateKey = KEY, **changes: object) -> bytes:
    return agentconfig.seal(key, part_of(config(**changes), "north-1", version, 1_000))


def cache(folder: Path, pinned: str | None = PINNED, agent: str = "north-1") -> ConfigCache:
    return ConfigCache(folder, agent, CollectorKey(folder, pinned))


def fault(of: ConfigCache, data: bytes) -> Fault:
    with pytest.raises(AgentConfigError) as raised:
        of.take(data)
    return raised.value.fault


def test_a_part_holds_what_the_agent_does_and_nothing_else() -> None:
    part = part_of(config(), "north-1", 7, 5)
    assert part.systems == {"ehr": "point_of_care"}
    assert part.checks == {
        "ehr-read": {
            "system": "ehr",
            "kind": "http",
            "every": 10_000,
            "timeout": 5_000,
            "spec": {"url": "https://ehr.example.org/"},
        }
    }
    other = part_of(config(), "south-1")
    assert (dict(other.checks), dict(other.systems)) == ({}, {})
    text = envelope.unpacked(envelope.split(agentconfig.MAGIC, signed(7)).body).decode()
    for word in ("EHR", "St Elsewhere", "desk", "webhook", "south", "Campus"):
        assert word not in text


def test_a_check_comes_back_as_it_was_written() -> None:
    written = config(
        checks={
            "a": {
                "system": "ehr",
                "kind": "http",
                "every": "1h",
                "timeout": "1s",
                "role": "supporting",
                "confirm": {"down": "3"},
                "spec": {"url": "https://a.example.org/", "auth": {"bearer": "file:/run/s"}},
            },
            "b": {
                "system": "ehr",
                "kind": "http",
                "every": "5s",
                "timeout": "5s",
                "spec": {"u": "1"},
            },
        }
    )
    part = agentconfig.read(agentconfig.seal(KEY, part_of(written, "north-1", 1)), PINNED)
    assert {name: Check.model_validate(raw) for name, raw in part.checks.items()} == written.checks


def test_what_is_taken_is_there_after_a_restart(tmp_path: Path) -> None:
    taken = cache(tmp_path).take(signed(3))
    again = cache(tmp_path)
    assert (again.have, again.org) == (0, "st-elsewhere")
    assert again.load() == taken
    assert (again.have, taken.version, taken.org) == (3, 3, "st-elsewhere")
    assert {path.name for path in tmp_path.iterdir()} == {"config.signed", "config.seen"}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_an_older_version_is_refused_though_it_is_well_signed(tmp_path: Path) -> None:
    first = cache(tmp_path)
    first.take(signed(3))
    assert fault(first, signed(2)) is Fault.OLDER
    first.take(signed(5))
    # put back from a backup, or the document lost: the newest version seen is still known
    (tmp_path / "config.signed").write_bytes(signed(4))
    second = cache(tmp_path)
    with pytest.raises(AgentConfigError, match=r"config\.older"):
        second.load()
    assert second.have == 0
    (tmp_path / "config.signed").unlink()
    third = cache(tmp_path)
    assert third.load() is None
    assert fault(third, signed(4)) is Fault.OLDER
    assert third.take(signed(5)).version == 5


def test_a_version_has_one_content(tmp_path: Path) -> None:
    first = cache(tmp_path)
    first.take(signed(3))
    assert fault(first, signed(3, policy={"recover_for": "90s"})) is Fault.CHANGED
    first.take(signed(3))


def test_another_agents_or_organizations_config_is_refused(tmp_path: Path) -> None:
    assert fault(cache(tmp_path, agent="south-1"), signed(1)) is Fault.OTHER_AGENT
    first = cache(tmp_path)
    first.take(signed(1))
    organization = {"id": "general", "name": "General", "timezone": "UTC"}
    assert fault(first, signed(2, organization=organization)) is Fault.OTHER_AGENT


def test_another_key_is_refused(tmp_path: Path) -> None:
    assert fault(cache(tmp_path), signed(1, OTHER)) is Fault.OTHER_KEY
    enrolled.keep(tmp_path, Enrolled("st-elsewhere", "north-1", fingerprint(PINNED)))
    by_token = cache(tmp_path, None)
    assert fault(by_token, signed(1, OTHER)) is Fault.OTHER_KEY
    assert by_token.take(signed(1)).version == 1
    assert not (tmp_path / "collector.key").exists()


def test_a_key_that_a_token_names_while_the_agent_waits_counts_at_once(tmp_path: Path) -> None:
    """Systemd had it running before anybody enrolled it."""
    waiting = cache(tmp_path, None)
    enrolled.keep(tmp_path, Enrolled("st-elsewhere", "north-1", fingerprint(PINNED)))
    assert fault(waiting, signed(1, OTHER)) is Fault.OTHER_KEY
    (tmp_path / "enrolled.json").write_text("{")
    assert fault(waiting, signed(1)) is Fault.OTHER_KEY


def test_the_first_key_is_believed_aloud_and_then_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = cache(tmp_path, None)
    with caplog.at_level(logging.WARNING):
        # what it signed must hold before it is believed
        assert fault(first, signed(1)[:-1] + b"x") is Fault.SIGNATURE
        assert not (tmp_path / "collector.key").exists()
        first.take(signed(1))
    assert f"config.key_believed fingerprint={fingerprint(PINNED)}" in caplog.text
    assert (tmp_path / "collector.key").read_text() == f"{PINNED}\n"
    for later in (first, cache(tmp_path, None)):
        assert fault(later, signed(2, OTHER)) is Fault.OTHER_KEY
    # what the host's file pins counts above what was believed
    assert fault(cache(tmp_path, agentconfig.public_text(OTHER)), signed(2)) is Fault.OTHER_KEY


@settings(max_examples=60)
@given(st.data())
def test_a_document_that_was_touched_anywhere_is_refused(data: st.DataObject) -> None:
    good = signed(3)
    at = data.draw(st.integers(0, len(good) - 1))
    bad = bytearray(good)
    bad[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(AgentConfigError):
        agentconfig.read(bytes(bad), PINNED)
    with pytest.raises(AgentConfigError):
        agentconfig.read(good[:at], PINNED)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_by_name(data: bytes) -> None:
    for read in (agentconfig.key_of, agentconfig.open_question):
        for raw in (data, agentconfig.MAGIC + data, agentconfig.ASKING + data):
            with pytest.raises(AgentConfigError):
                read(raw)


def test_a_kept_document_that_was_touched_is_not_run(tmp_path: Path) -> None:
    cache(tmp_path).take(signed(3))
    path = tmp_path / "config.signed"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(AgentConfigError, match=r"config\.signature"):
        cache(tmp_path).load()


def test_a_disk_that_is_full_is_said_and_the_config_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(file: KeptFile, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    first = cache(tmp_path)
    monkeypatch.setattr(KeptFile, "write", full)
    assert first.take(signed(3)).version == 3
    assert "config.not_kept errno=28" in caplog.text
    assert fault(first, signed(2)) is Fault.OLDER
