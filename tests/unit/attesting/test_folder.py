"""Bundles in their folder: whole or not at all, and nothing is left of who died."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.attesting.disk import OnDisk
from collector.attesting.folder import Folder, place
from collector.bundle.faults import BundleError


def test_the_folder_lies_beside_a_sqlite_file_and_has_to_be_named_on_postgresql() -> None:
    assert place(None, "sqlite:///data/w.db") == Path("data/w.db.attestations")
    assert place(None, "postgresql://w@db/wardwatch") is None
    assert place("/srv/bundles", "postgresql://w@db/wardwatch") == Path("/srv/bundles")
    assert place("/srv/bundles", "sqlite:///data/w.db") == Path("/srv/bundles")


def test_a_bundle_has_its_name_only_once_it_is_whole(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "made" / "anew", "st-elsewhere")
    work = folder.workspace("2026-01-1", 7)
    assert (tmp_path / "made" / "anew").stat().st_mode & 0o777 == 0o700
    (work / "part").write_bytes(b"whole")
    assert not folder.has("one.zip")
    folder.publish(work / "part", "one.zip")
    folder.leave(work)
    assert folder.has("one.zip")
    with folder.open("one.zip") as file:
        assert file.read() == b"whole"
    assert [path.name for path in folder.path.iterdir()] == ["one.zip"]


def test_what_a_process_left_that_died_is_swept_and_nothing_of_anybody_else(tmp_path: Path) -> None:
    folder, other = Folder(tmp_path, "a"), Folder(tmp_path, "a-b")
    for id_ in ("2026-7", "2026-01-1", "2026-q3-2", "2026-w31-3"):
        (folder.workspace(id_, 7) / "part").write_bytes(b"half")
    (other.workspace("2026-01-1", 7) / "part").write_bytes(b"half")
    others = {".making-a-b-2026-01-1-7", "somebody's backup.zip", "a-2026-01-1-0011aabb.zip"}
    for name in others - {".making-a-b-2026-01-1-7"}:
        (tmp_path / name).write_bytes(b"whole")
    folder.sweep()
    assert {path.name for path in tmp_path.iterdir()} == others


def test_a_bundle_that_was_named_and_never_recorded_goes_when_it_is_made_again(
    tmp_path: Path,
) -> None:
    folder = Folder(tmp_path, "a")
    name = folder.name("2026-01-1", b"\x00\x11\xaa\xbb" * 8)
    assert name == "a-2026-01-1-0011aabb.zip"
    others = {"a-2026-01-12-0011aabb.zip", "a-b-2026-01-1-0011aabb.zip", "a-2026-01-1-notes.zip"}
    for one in {name, *others}:
        (tmp_path / one).write_bytes(b"whole")
    work = folder.workspace("2026-01-1", 7)
    assert {path.name for path in tmp_path.iterdir()} == {work.name, *others}


def test_sweeping_a_folder_that_was_never_made_makes_none(tmp_path: Path) -> None:
    Folder(tmp_path / "none", "a").sweep()
    assert list(tmp_path.iterdir()) == []


def test_a_workspace_that_was_left_begins_empty(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "a")
    (folder.workspace("2026-01-1", 7) / "part").write_bytes(b"half")
    assert list(folder.workspace("2026-01-1", 7).iterdir()) == []


def test_members_are_read_by_the_names_they_will_have(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "start.json").write_bytes(b"one\ntwo\n")
    parts = OnDisk(tmp_path)
    assert parts.names == ["log/start.json"]
    with parts.open("log/start.json") as file:
        assert (file.readline(), file.read()) == (b"one\n", b"two\n")
    with pytest.raises(BundleError, match=r"bundle\.missing"):
        parts.open("rows.jsonl")
