"""The numbers of a bundle are those of one fold over everything that its batches hold."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.attest import strictjson
from collector.attest.strictjson import Value
from collector.bundle import derive as deriving
from collector.bundle import folding, predicate
from collector.bundle.evidence import Asked, Evidence
from collector.bundle.reading import Order
from collector.bundle.samplestory import DAY_MS, Story
from collector.bundle.sampleworld import World
from collector.core import document
from collector.core.availability import Availability, availability
from collector.core.corrections import corrected
from collector.core.settled import Source
from collector.core.truth import SystemTruth, fold_system
from collector.sorting import is_possible
from probes import batch, tombstone
from probes.results import Result
from tests.support import bundles
from tests.support.soak import longer


def at_once(world: World, evidence: Evidence, asked: Asked, system: str) -> SystemTruth:
    """The truth of a system by one fold over all results that the world has, told without a bundle."""
    lines: dict[Source, list[Result]] = {}
    received = {index: one.received_at for index, one in evidence.log.arrived.items()}
    first = evidence.log.start.before.size
    found: list[Result] = []
    for index, one in world.batches.items():
        if index >= first:
            found += batch.results_of(one, received[index])
    for index, stone in world.tombstones.items():
        if index >= first:
            found += tombstone.results_of(stone, received[index])
    for r in found:
        if asked.evidence_from <= r.t < asked.now and is_possible(r.t, r.received):
            lines.setdefault((r.check, r.agent), []).append(r)
    history = evidence.rows.histories[system]
    return fold_system(system, history, lines, asked.now, None)


def number(truth: SystemTruth, evidence: Evidence, asked: Asked) -> Availability:
    history = evidence.rows.histories[truth.system]
    return availability(truth, history, asked.start, asked.end, asked.now)


@settings(max_examples=longer(15), deadline=None)
@given(bundles.stories(), st.sampled_from([1, 30, 300, 30_000]))
def test_what_is_folded_piece_by_piece_is_what_one_fold_says(story: Story, gathered: int) -> None:
    world, evidence, asked = bundles.opened(story)
    order = Order(evidence.log)
    for system in evidence.systems:
        with patch.object(folding, "GATHERED", gathered):
            folded = deriving.fold(evidence, asked, system, order)
        truth = at_once(world, evidence, asked, system)
        said, expected = (number(t, evidence, asked) for t in (folded.truth, truth))
        assert document.fields(said) == document.fields(expected)
        assert folded.truth.states == truth.states
        assert folded.truth.sites == truth.sites
        assert folded.truth.outages == truth.outages
        assert folded.truth.conflicts == truth.conflicts
        history = evidence.rows.histories[system]
        span = (asked.start, asked.end, asked.now)
        assert corrected(folded.truth, history, *span) == corrected(truth, history, *span)


@pytest.mark.parametrize("gathered", [1, 40, 700])
def test_how_much_is_gathered_before_it_is_settled_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, gathered: int
) -> None:
    _, evidence, asked = bundles.opened()
    whole = deriving.derive(evidence, asked)
    monkeypatch.setattr(folding, "GATHERED", gathered)
    assert deriving.derive(evidence, asked) == whole


def test_a_period_that_begins_and_ends_within_five_minutes_counts_runs_exactly() -> None:
    """What is settled is counted in five minutes: those that an edge cuts are read again."""
    world, evidence, asked = bundles.opened()
    odd = replace(asked, start=asked.start + 61_234, end=asked.end - 477_777)
    with patch.object(folding, "GATHERED", 40):
        folded = deriving.fold(evidence, odd, "ehr", Order(evidence.log))
    truth = at_once(world, evidence, odd, "ehr")
    said, expected = (number(t, evidence, odd) for t in (folded.truth, truth))
    assert (said.judged_runs, said.good_runs) == (expected.judged_runs, expected.good_runs)
    assert any(voice.judged.exact for voice in folded.truth.voices.values())


@settings(max_examples=longer(6), deadline=None)
@given(bundles.stories())
def test_the_same_evidence_gives_the_same_bytes(story: Story) -> None:
    _, evidence, asked = bundles.opened(story)
    first = strictjson.write(dict(deriving.derive(evidence, asked)))
    again = bundles.opened(story)
    assert strictjson.write(dict(deriving.derive(again[1], again[2]))) == first
    found = strictjson.read(first)
    assert isinstance(found, dict)
    assert found.keys() == set(predicate.DERIVED)


def results_of(derived: Mapping[str, Value]) -> dict[str, Any]:
    found = derived["results"]
    assert isinstance(found, list)
    return {str(one["system"]): one for one in found if isinstance(one, dict)}


def test_the_milliseconds_of_each_system_make_up_the_period() -> None:
    _, evidence, asked = bundles.opened()
    for one in results_of(deriving.derive(evidence, asked)).values():
        ms = one["milliseconds"]
        assert ms["up"] + ms["degraded"] + ms["down"] + ms["unknown"] == ms["eligible"]
        assert ms["eligible"] + ms["excluded"] + ms["notMonitored"] == 6 * DAY_MS
        figures = one["figures"]
        up = ms["up"] + ms["degraded"]
        assert figures["afterExclusions"]["numerator"] == up
        assert figures["afterExclusions"]["denominator"] == up + ms["down"]
        assert figures["worstCase"]["numerator"] == up
        assert figures["worstCase"]["denominator"] == ms["eligible"]


def test_three_figures_stand_side_by_side_and_the_worst_is_not_better() -> None:
    _, evidence, asked = bundles.opened()
    one = results_of(deriving.derive(evidence, asked))["ehr"]
    told = {name: ratio["percent"] for name, ratio in one["figures"].items()}
    assert told == {"raw": "96.2573", "afterExclusions": "97.5256", "worstCase": "94.2811"}


def test_progress_names_each_system_before_it_is_read() -> None:
    _, evidence, asked = bundles.opened()
    told: list[str] = []
    deriving.derive(evidence, asked, told.append)
    assert told == ["ehr", "lab"]


def spans_of(derived: Mapping[str, Value]) -> Sequence[Any]:
    states = derived["states"]
    assert isinstance(states, list)
    return [one["spans"] for one in states if isinstance(one, dict)]


def test_states_cover_the_period_without_a_hole() -> None:
    _, evidence, asked = bundles.opened()
    for spans in spans_of(deriving.derive(evidence, asked)):
        assert (spans[0][0], spans[-1][1]) == (asked.start, asked.end)
        assert all(left[1] == right[0] for left, right in itertools.pairwise(spans))
