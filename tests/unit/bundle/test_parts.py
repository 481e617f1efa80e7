"""A disclosed part of a version, whoever wrote it: a config that folds, or a refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.bundle import parts
from collector.bundle.faults import BundleError, BundleFault
from collector.core.availability import availability
from collector.core.truth import fold_system
from collector.facts import canonical
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from tests.support import bundles
from tests.support.soak import longer
from tests.unit.bundle.refusing import refused

WORLD, _ = bundles.disclosed()
DATA = WORLD.parts[1]["ehr"]
START = WORLD.story.start
HOUR = 3_600_000


def test_a_part_of_this_system_is_its_config() -> None:
    config = parts.part_of("ehr", DATA, 1)
    assert [*config.systems] == ["ehr"]
    assert config.agents_of("ehr-read") == ("north-1", "south-1", "outside-1")


def changed(**more: Any) -> bytes:
    """With other values at paths: `systems__ehr__name`."""
    told = json.loads(DATA)
    for path, value in more.items():
        *front, last = path.split("__")
        at = told
        for word in front:
            at = at[word.replace("_", "-")]
        at[last.replace("_", "-") if last != "from" else last] = value
    return canonical(told)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        DATA + b" ",
        DATA.replace(b'"version":"1"', b'"version":"2"'),
        DATA.replace(b'"version":"1"', b'"version":"1","novelty":1'),
        changed(checks__ehr_read__system="lab"),
        changed(checks__ehr_read__from=["nobody"]),
        changed(checks__ehr_read__every=0),
        changed(checks__ehr_read__every=1.5),
        changed(checks__ehr_read__role={"group": "none"}),
        changed(agents__north_1__site="nowhere"),
        changed(organization__timezone="Nowhere/Else"),
        changed(systems={}),
    ],
)
def test_what_is_no_part_of_it_is_refused(data: bytes) -> None:
    error = refused(parts.part_of, "ehr", data, 7)
    assert (error.code, error.place) == (BundleFault.ROWS_PART, "rows.jsonl row 7")


def test_the_part_of_another_system_is_refused() -> None:
    error = refused(parts.part_of, "ehr", WORLD.parts[1]["lab"], 1)
    assert error.code is BundleFault.ROWS_PART


def test_a_window_that_repeats_by_no_rule_is_refused() -> None:
    told = json.loads(DATA)
    (window,) = told["maintenance"]
    for rule, right in (("FREQ=DAILY", True), ("FREQ=NEVER", False)):
        window["rrule"] = rule
        if right:
            assert parts.part_of("ehr", canonical(told), 1).maintenance[0].rrule == rule
        else:
            assert refused(parts.part_of, "ehr", canonical(told), 1).code is BundleFault.ROWS_PART


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.sampled_from(["", "ehr", "north", "2026-07-01T00:00:00", "99.9", "-1", "1e9"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["ehr", "x"]), inner, max_size=2)
    ),
    max_leaves=3,
)


def put(node: Any, data: st.DataObject) -> Any:
    """One value somewhere in it replaced by another."""
    if isinstance(node, dict) and node and data.draw(st.integers(0, 4)):
        name = data.draw(st.sampled_from(sorted(node)))
        return {**node, name: put(node[name], data)}
    if isinstance(node, list) and node and data.draw(st.integers(0, 4)):
        return [put(node[0], data), *node[1:]]
    return data.draw(ANY)


@settings(max_examples=longer(300), deadline=None)
@given(st.data())
def test_a_part_that_is_taken_can_be_folded(data: st.DataObject) -> None:
    told = canonical(put(json.loads(DATA), data))
    try:
        config = parts.part_of("ehr", told, 1)
    except BundleError:
        return
    history = History([Version(START, config, 1)])
    line = [
        Result("ehr-read", "north-1", START + n * HOUR, Outcome.DOWN, "tcp.refused", 5, START)
        for n in range(3)
    ]
    truth = fold_system("ehr", history, {("ehr-read", "north-1"): line}, START + 9 * HOUR, None)
    availability(truth, history, START, START + 8 * HOUR, START + 9 * HOUR)
