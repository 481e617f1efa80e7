"""What the spool expects of a disk: of the host's, of memory, and of the simulated one alike."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from agent.disk import Disk, DiskError, DiskFault, HostDisk, MemoryDisk, StateLock
from tests.support.faulty_disk import FaultyDisk, PowerLossError


@pytest.fixture(params=["host", "memory", "simulated"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    if request.param == "host":
        return HostDisk(tmp_path / "spool")
    return MemoryDisk() if request.param == "memory" else FaultyDisk(Random(1))


def fault(act: Callable[[], object]) -> DiskFault:
    with pytest.raises(DiskError) as caught:
        act()
    return caught.value.fault


def test_what_was_appended_can_be_read_from_any_place(disk: Disk) -> None:
    file = disk.make("a")
    file.append(b"one")
    file.append(b"two")
    file.sync()
    disk.sync_names()
    assert (file.size(), file.read(0, 6), file.read(2, 2), file.read(5, 99)) == (
        6,
        b"onetwo",
        b"et",
        b"o",
    )
    file.close()
    again = disk.open("a")
    again.append(b"three")
    assert again.read(3, 8) == b"twothree"
    again.close()


def test_a_file_can_be_cut_and_grows_from_there(disk: Disk) -> None:
    file = disk.make("a")
    file.append(b"one torn")
    file.cut(3)
    file.append(b"!")
    assert file.read(0, 99) == b"one!"
    file.close()


def test_names_are_listed_in_order_and_removed(disk: Disk) -> None:
    assert disk.names() == []
    for name in ("b", "a"):
        disk.make(name).close()
    assert disk.names() == ["a", "b"]
    disk.remove("a")
    assert disk.names() == ["b"]


def test_a_name_is_made_once_and_must_be_there_to_be_opened_or_removed(disk: Disk) -> None:
    disk.make("a").close()
    assert fault(lambda: disk.make("a")) is DiskFault.WRITE
    assert fault(lambda: disk.open("b")) is DiskFault.READ
    assert fault(lambda: disk.remove("b")) is DiskFault.WRITE


def test_it_says_how_much_is_free(disk: Disk) -> None:
    assert disk.free_bytes() > 1_000_000


def test_what_the_host_refuses_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = HostDisk(tmp_path / "spool").make("a")

    def refusing(code: int) -> Callable[..., int]:
        def refuse(*_: object) -> int:
            raise OSError(code, "")

        return refuse

    for code, expected in (
        (errno.ENOSPC, DiskFault.FULL),
        (errno.EDQUOT, DiskFault.FULL),
        (errno.EROFS, DiskFault.READ_ONLY),
        (errno.EACCES, DiskFault.DENIED),
        (errno.EMFILE, DiskFault.RESOURCES),
        (errno.EIO, DiskFault.WRITE),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", refusing(code))
            assert fault(lambda: file.append(b"x")) is expected
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", refusing(code))
            assert fault(file.sync) is DiskFault.SYNC
    file.close()


def test_files_of_the_spool_are_for_the_agent_alone(tmp_path: Path) -> None:
    HostDisk(tmp_path / "spool").make("a").close()
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "spool" / "a").stat().st_mode & 0o777 == 0o600


def test_a_folder_has_one_process(tmp_path: Path) -> None:
    lock = StateLock(tmp_path)
    with pytest.raises(BlockingIOError):
        StateLock(tmp_path)
    lock.release()
    StateLock(tmp_path).release()


def test_the_simulated_disk_forgets_what_was_not_synced() -> None:
    """Else the tests that stand on it would prove nothing."""
    seen = set()
    for seed in range(60):
        disk = FaultyDisk(Random(seed))
        file = disk.make("a")
        disk.sync_names()
        file.append(b"s" * 600)
        file.sync()
        file.append(b"u" * 1_000)
        disk.make("b")
        disk.lose_power()
        left = disk.open("a").read(0, 9_999)
        assert left[:600] == b"s" * 600
        seen.add(
            (len(left) == 600, b"\0" in left, left == b"s" * 600 + b"u" * 1_000, disk.names()[-1])
        )
    assert {True} <= {one[0] for one in seen}
    assert {True} <= {one[1] for one in seen}
    assert {True} <= {one[2] for one in seen}
    assert {one[3] for one in seen} == {"a", "b"}


def test_the_simulated_disk_fails_when_told_to() -> None:
    disk = FaultyDisk(Random(1), capacity=5)
    file = disk.make("a")
    assert fault(lambda: file.append(b"123456")) is DiskFault.FULL
    assert file.size() == 5
    disk.fail_at = {disk.operations + 1: DiskFault.SYNC}
    assert fault(file.sync) is DiskFault.SYNC
    disk.read_only = True
    assert fault(lambda: disk.remove("a")) is DiskFault.READ_ONLY
    disk.lose_power_at = disk.operations + 1
    with pytest.raises(PowerLossError):
        file.sync()
