"""The bench's frame: its rows, its documents and its file agree, and one row really runs."""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.bench import http, mllp, run
from tests.bench.row import Row, off_pace

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


def test_a_row_is_not_met_when_anybody_did_not_hold_the_pace() -> None:
    assert off_pace(400, {"agent": [400, 381], "peer": [419.9, 402]}) == ()
    off = off_pace(400, {"agent": [400, 398], "peer": [402, 312], "other": [430]})
    assert off == ("peer 312/s of 400/s", "other 430/s of 400/s")
    assert off_pace(400, {"peer": [float("nan")]}) == ("peer nan/s of 400/s",)
    right, wrong = (Row("a", 1, "b", 10, "us", 0.5, off_pace=each) for each in ((), off))
    assert (right.met, wrong.met) == (True, False)
    assert (right.document()["met"], wrong.document()["met"]) == (True, False)
    assert right.cells()[-1] == "yes"
    assert wrong.cells()[-1] == "NO: peer 312/s of 400/s, other 430/s of 400/s"


@pytest.mark.parametrize(
    ("agents", "peers", "off"),
    [
        ((400.0, 396.0), (401.0, 399.0), ()),
        ((400.0, 400.0), (401.0, 211.0), ("blackbox_exporter 211/s of 400/s",)),
        ((340.0, 400.0), (401.0, 400.0), ("agent 340/s of 400/s",)),
    ],
)
def test_the_row_of_http_asks_both_sides_for_the_pace(
    monkeypatch: pytest.MonkeyPatch,
    agents: tuple[float, ...],
    peers: tuple[float, ...],
    off: tuple[str, ...],
) -> None:
    """As if both had run: only what is made of what they used is under test."""
    rates = {"agent": iter(agents), "blackbox_exporter": iter(peers)}
    used = {"agent": 100.0, "collector": 50.0, "blackbox_exporter": 900.0, "prometheus": 600.0}

    def cpu_us(parts: Sequence[Any], _target: object, _warm_s: float) -> dict[str, float]:
        name = parts[0].name
        return {part.name: used[part.name] for part in parts} | {
            f"{name}_a_second": next(rates[name])
        }

    for name in ("Ours", "Peers", "Target"):
        monkeypatch.setattr(http, name, Acted)
    monkeypatch.setattr(http, "cpu_us", cpu_us)
    monkeypatch.setattr(http, "flips", lambda _batches: 1)
    (row,) = http.rows()
    assert (row.ours, row.peer, row.off_pace, row.met) == (150, 1_500, off, not off)


class Acted(AbstractContextManager["Acted"]):
    """Stands where a process would."""

    url = "http://127.0.0.1:9/login"

    def __init__(self, *_: object, name: str = "") -> None:
        self.name = name

    def __exit__(self, *_: object) -> None:
        return

    def stored(self) -> list[list[int]]:
        return [[1] * 400]

    def start_agent(self) -> Acted:
        return Acted(name="agent")

    def start_collector(self) -> Acted:
        return Acted(name="collector")

    def start_blackbox(self) -> Acted:
        return Acted(name="blackbox_exporter")

    def start_prometheus(self) -> Acted:
        return Acted(name="prometheus")


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
