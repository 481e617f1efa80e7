"""What this host has signed last: on disk whole, or as it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.attest.merkle import CompactRange
from collector.tlog.guard import Guard, GuardError, Head, continues
from tests.unit.attest import naive

ROOT = bytes(range(32))


def test_before_the_first_signature_there_is_nothing(tmp_path: Path) -> None:
    assert Guard(tmp_path / "signed").heads() == {}


def test_each_log_has_its_own_head_and_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "signed"
    Guard(path).note("a/evidence", Head(3, ROOT))
    Guard(path).note("a/audit", Head(7, bytes(32)))
    Guard(path).note("a/evidence", Head(4, ROOT))
    assert Guard(path).heads() == {"a/evidence": Head(4, ROOT), "a/audit": Head(7, bytes(32))}
    assert path.read_text() == (
        '{"signed":{"a/audit":{"root":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","size":7},'
        '"a/evidence":{"root":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=","size":4}}}\n'
    )
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["signed"]


def test_it_never_goes_back(tmp_path: Path) -> None:
    path = tmp_path / "signed"
    Guard(path).note("a/evidence", Head(9, ROOT))
    with pytest.raises(GuardError):
        Guard(path).note("a/evidence", Head(8, ROOT))
    Guard(path).note("a/evidence", Head(9, ROOT))  # killed before the signature, and again
    assert Guard(path).heads() == {"a/evidence": Head(9, ROOT)}
    assert [one.name for one in tmp_path.iterdir()] == ["signed"]


@given(st.binary(max_size=80))
def test_any_other_file_is_no_guard(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("guard") / "signed"
    path.write_bytes(data)
    with pytest.raises(GuardError):
        Guard(path).heads()


def test_a_file_that_was_cut_short_is_no_guard(tmp_path: Path) -> None:
    path = tmp_path / "signed"
    Guard(path).note("a/evidence", Head(4, ROOT))
    data = path.read_bytes()
    for size in range(len(data)):
        path.write_bytes(data[:size])
        with pytest.raises(GuardError):
            Guard(path).heads()
    path.write_bytes(data + b"\n")
    with pytest.raises(GuardError):
        Guard(path).heads()
    path.write_bytes(data.replace(b"4}", b"true}"))
    with pytest.raises(GuardError):
        Guard(path).heads()


def test_a_disk_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "signed"
    guard = Guard(path)
    guard.note("a/evidence", Head(4, ROOT))

    def full(_handle: int) -> None:
        raise OSError

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(GuardError):
        guard.note("a/evidence", Head(5, ROOT))
    assert guard.heads() == {"a/evidence": Head(4, ROOT)}
    assert [one.name for one in tmp_path.iterdir()] == ["signed"]


def test_a_folder_that_is_away_is_an_error_and_no_empty_guard(tmp_path: Path) -> None:
    with pytest.raises(GuardError):
        Guard(tmp_path / "away" / "signed").note("a/evidence", Head(4, ROOT))


@pytest.mark.parametrize("size", [0, 1, 5, 8])
def test_a_log_goes_on_from_a_head_whose_tree_it_had(size: int) -> None:
    leaves = [bytes([n]) * 32 for n in range(8)]
    tree, _ = CompactRange().extended(leaves[:size])
    assert continues(Head(size, tree.root()), tree)
    assert not continues(Head(size, ROOT), tree)
    assert not continues(Head(size, tree.root()), None)
    assert continues(None, None)
    other, _ = CompactRange().extended([*leaves[:size], ROOT])
    assert not continues(Head(size, tree.root()), other)
    assert naive.mth([]) == CompactRange().root()
