"""The whole replay document against the twin, from the operator's files and lines of JSON."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from collector.commands import inputs
from collector.replay import read_results, replay
from tests.support.soak import longer
from tests.unit.core.scenes import scenes
from tests.unit.core.twin import UNIT
from tests.unit.core.twin_document import document
from tests.unit.core.twin_hospital import Scene

BESIDE = ("tzdata", "incidents")
OF_A_SYSTEM = ("caqh", "corrected", "ruled")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("desk")


def replayed(scene: Scene, desk: Path) -> dict[str, Any]:
    """What the product prints, without what the twin does not tell."""
    configs = []
    for n, version in enumerate(scene.versions):
        file = desk / f"{n}.yaml"
        file.write_text(json.dumps(version.file))
        configs.append(str(file) if version.at is None else f"{file}@{scene.text(version.at)}")
    lines = desk / "results.jsonl"
    lines.write_text("".join(json.dumps(result) + "\n" for result in scene.results))
    problems: list[str] = []
    history = inputs.history(configs, problems)
    assert history is not None, problems
    start, end, now = (scene.zero + x * UNIT for x in (scene.start, scene.end, scene.now))
    found = json.loads(json.dumps(replay(history, read_results(lines, history), start, end, now)))
    for name in BESIDE:
        del found[name]
    for one in found["systems"].values():
        for name in OF_A_SYSTEM:
            del one[name]
    return dict(found)


@settings(max_examples=longer(150), deadline=None)
@given(scene=scenes())
def test_the_document_is_what_the_text_says(scene: Scene, desk: Path) -> None:
    assert replayed(scene, desk) == document(scene)


@settings(max_examples=longer(60), deadline=None)
@given(scene=scenes(), share=st.integers(1, 39))
def test_the_parts_of_a_period_add_up(scene: Scene, share: int, desk: Path) -> None:
    middle = scene.start + share
    assume(middle < scene.end)
    parts = [
        replayed(replace(scene, start=start, end=end), desk)["systems"]
        for start, end in ((scene.start, scene.end), (scene.start, middle), (middle, scene.end))
    ]
    for name in parts[0]:
        whole, left, right = (part[name] for part in parts)
        if len({one["formula"] for one in (whole, left, right)}) > 1:
            continue  # the formula is that of each part's last instant
        assert added(left, right) == added(whole)
        for site in whole["sites"]:
            halves = [half["sites"][site] for half in (left, right) if site in half["sites"]]
            assert added(*halves) == added(whole["sites"][site]), site


def added(*parts: dict[str, Any]) -> dict[str, int]:
    """Milliseconds, runs and blips of parts of a period."""
    found: Counter[str] = Counter()
    for part in parts:
        found.update({key: value for key, value in part.items() if key.endswith("_ms")})
        if "raw" in part:
            found.update({f"raw {k}": v for k, v in part["raw"].items() if k.endswith("_ms")})
            found.update({"blips": part["blips"], **part["runs"]})
    return dict(found)
