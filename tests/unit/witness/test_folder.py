"""The state folder on a real disk: one process, files replaced whole."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from collector.witness.disk import Folder, InUseError, UnsyncedError


def test_one_process_has_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "state"
    folder = Folder(path)
    assert path.stat().st_mode & 0o777 == 0o700
    with pytest.raises(InUseError):
        Folder(path)
    folder.close()
    Folder(path).close()


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.put("one.new", b"a longer text")
    folder.put("one.new", b"text")
    folder.rename("one.new", "one")
    folder.sync_names()
    assert (folder.names(), folder.read("one")) == (["lock", "one"], b"text")
    assert (tmp_path / "one").stat().st_mode & 0o777 == 0o600
    folder.close()


def test_a_failed_sync_has_a_name_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path)

    def fail(_number: int) -> None:
        raise OSError(errno.EIO, "failed")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UnsyncedError):
        folder.put("one", b"text")
    with pytest.raises(UnsyncedError):
        folder.sync_names()
    with pytest.raises(OSError, match="No such file") as raised:
        folder.rename("none", "one")
    assert not isinstance(raised.value, UnsyncedError)
    folder.close()
