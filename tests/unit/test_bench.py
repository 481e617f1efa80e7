"""The bench's frame: its rows, its documents and its file agree, and one row really runs."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from tests.bench import mllp, run
from tests.bench.row import Row

BENCH = Path(run.__file__).parent


def test_every_group_is_a_file_with_rows_and_stands_in_the_readme() -> None:
    readme = (BENCH / "README.md").read_text(encoding="utf-8")
    for name in run.GROUPS:
        assert callable(importlib.import_module(f"tests.bench.{name}").rows)
        assert f"`{name}`" in readme
        assert f"**{name}.**" in readme or name == "micro"


def test_every_file_of_the_bench_stands_in_its_readme() -> None:
    readme = (BENCH / "README.md").read_text(encoding="utf-8")
    files = sorted(path.name for path in BENCH.glob("*.py") if path.name != "__init__.py")
    assert [name for name in files if f"`{name}`" not in readme] == []


def test_a_ratio_meets_its_goal_at_the_goal_itself() -> None:
    def met(ours: float, *, at_least: bool = False) -> bool:
        return Row("a", ours, "b", 10, "us", 0.5, at_least=at_least).met

    assert [met(4.9), met(5), met(5.1)] == [True, True, False]
    assert [met(ours, at_least=True) for ours in (4.9, 5, 5.1)] == [False, True, True]
    assert Row("a", 0, "slots", 7, "", 0).met
    assert not Row("a", 1, "slots", 7, "", 0).met


def test_unknown_rows_are_named_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["http", "nothing"]) == 2
    said = capsys.readouterr().err
    assert "No such rows: nothing." in said
    assert all(f"  {name} " in said for name in run.GROUPS)


def test_a_row_runs_and_is_written_with_all_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mllp, "SECONDS", 0.5)
    monkeypatch.chdir(tmp_path)
    code = run.main(["mllp"])
    written = json.loads((tmp_path / "build" / "bench.json").read_text(encoding="utf-8"))
    assert [row["beside"] for row in written] == ["bare asyncio", "hl7.mllp"]
    for row in written:
        assert {"name", "ours", "peer", "ratio", "goal", "met", "unit"} <= row.keys()
        assert row["ours"] > 0
        assert row["peer"] > 0
        assert row["ratio"] == pytest.approx(row["ours"] / row["peer"], rel=1e-2)
        assert row["met"] is (row["ratio"] <= row["goal"])
        assert row["fsync_us"] > 0
    assert code == (0 if all(row["met"] for row in written) else 1)
    assert "MLLP round trip" in capsys.readouterr().out
