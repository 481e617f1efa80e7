"""An admin's command may make what the agent's user has to read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent import enrolled, identity
from agent.disk import HostDisk
from agent.enrolled import Enrolled
from agent.keptfile import KeptFile


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, int]]:
    """What root gave away, to whom: the process is root as far as it can tell."""
    found: dict[str, tuple[int, int]] = {}

    def fchown(number: int, user: int, group: int) -> None:
        name = Path(f"/proc/self/fd/{number}").readlink().name
        found[name.partition(".key.")[0]] = (user, group)

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", fchown)
    return found


def make_all(state: Path) -> None:
    identity.load_or_make_key(state)
    enrolled.keep(state, Enrolled("st-elsewhere", "north-1"))
    KeptFile(state / "told.json").write(b"{}")
    HostDisk(state / "spool").make("runs").close()


def test_what_root_makes_belongs_to_the_owner_of_the_folder(
    tmp_path: Path, given: dict[str, tuple[int, int]]
) -> None:
    make_all(tmp_path)
    owner = tmp_path.stat()
    wanted = (owner.st_uid, owner.st_gid)
    assert len(given) == 5
    assert {name.partition(".json")[0] for name in given} == {
        "agent",
        "enrolled",
        "told",
        "spool",
        "runs",
    }
    assert set(given.values()) == {wanted}


def test_whoever_is_not_root_gives_nothing_away(
    tmp_path: Path, given: dict[str, tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1_000)
    make_all(tmp_path)
    assert given == {}
