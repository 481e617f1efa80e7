"""A system's segments: proven one by one, in the order of time, with a promise of what follows."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from collector.bundle import evidencefile, layout, reading
from collector.bundle.derive import derive
from collector.bundle.evidence import Evidence
from collector.bundle.evidencefile import Segment
from collector.bundle.faults import BundleError, BundleFault
from collector.bundle.members import Held
from collector.bundle.opening import open_evidence
from collector.bundle.reading import Order, Record
from collector.bundle.sample import asked_of
from collector.bundle.samplestory import Story
from collector.bundle.slots import Slots
from probes import batch, tombstone
from probes.batch import Batch
from probes.segments import Run
from tests.support import bundles
from tests.support.soak import longer
from tests.unit.bundle.refusing import refused

WORLD, PARTS = bundles.disclosed()
EHR = layout.evidence_of("ehr")


def all_of(evidence: Evidence, system: str) -> list[Record]:
    order = Order(evidence.log)
    return list(reading.records(evidence.members, evidence.log, order, system))


@settings(max_examples=longer(12), deadline=None)
@given(bundles.stories())
def test_nothing_that_follows_began_before_the_edge(story: Story) -> None:
    _, evidence, _ = bundles.opened(story)
    for system in evidence.systems:
        first = 1 << 62
        for record in reversed(all_of(evidence, system)):
            assert record.edge <= first
            first = min(first, record.arrived.first_t)


@settings(max_examples=longer(12), deadline=None)
@given(bundles.stories())
def test_every_run_of_the_range_is_read_once(story: Story) -> None:
    world, evidence, _ = bundles.opened(story)
    first = evidence.log.start.before.size
    for system in evidence.systems:
        read = sorted(
            (record.arrived.index, at)
            for record in all_of(evidence, system)
            for at in record.table.at_ms
        )
        there = []
        for index, one in world.batches.items():
            there += [(index, run.at_ms) for run in runs_of(one, system) if index >= first]
        for index, stone in world.tombstones.items():
            kept = tombstone.runs_of(stone)
            there += [
                (index, run.at_ms) for _, run in kept if run.system == system and index >= first
            ]
        assert read == sorted(there)


def runs_of(one: Batch, system: str) -> list[Run]:
    return [run for run in batch.runs_of(one) if run.system == system]


def rewritten(change: Callable[[int, Segment], Segment | None]) -> bytes:
    """The evidence of `ehr` with each segment changed; None leaves it out."""
    out = io.BytesIO()
    writer = evidencefile.Writer(out)
    for n, one in enumerate(evidencefile.read(io.BytesIO(PARTS[EHR]), EHR)):
        changed = change(n, one)
        if changed is not None:
            writer.put(changed)
    writer.close()
    return out.getvalue()


def told(changed: Mapping[str, bytes]) -> BundleError:
    """Why the numbers are refused."""
    evidence = open_evidence(Held({**PARTS, **changed}))
    return refused(derive, evidence, asked_of(WORLD))


def fifth(change: Callable[[Segment], Segment]) -> bytes:
    return rewritten(lambda n, one: change(one) if n == 5 else one)


LAB = [*evidencefile.read(io.BytesIO(PARTS[layout.evidence_of("lab")]), "lab")]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (fifth(lambda one: one._replace(data=one.data[:-1])), BundleFault.EVIDENCE_PROOF),
        (fifth(lambda one: one._replace(tag=bytes(32))), BundleFault.EVIDENCE_PROOF),
        (fifth(lambda one: one._replace(path=one.path[:-1])), BundleFault.EVIDENCE_PROOF),
        (fifth(lambda one: one._replace(of=one.of + 1)), BundleFault.EVIDENCE_PROOF),
        (fifth(lambda one: one._replace(place=one.place + 1)), BundleFault.EVIDENCE_PROOF),
        (
            rewritten(lambda n, one: one._replace(data=LAB[n].data) if n == 5 else one),
            BundleFault.EVIDENCE_PROOF,
        ),
    ],
)
def test_a_segment_that_is_not_the_signed_one_is_refused(data: bytes, code: BundleFault) -> None:
    error = told({EHR: data})
    assert error.code is code
    index = [*evidencefile.read(io.BytesIO(PARTS[EHR]), EHR)][5].entry
    assert error.place == f"{EHR}:{index}"


def test_a_segment_of_an_entry_that_is_no_batch_is_refused() -> None:
    count = sum(1 for _ in evidencefile.read(io.BytesIO(PARTS[EHR]), EHR))
    beyond = WORLD.log.size
    data = rewritten(lambda n, one: one._replace(entry=beyond) if n == count - 1 else one)
    assert told({EHR: data}).code is BundleFault.EVIDENCE_BATCH
    (stone,) = WORLD.tombstones
    data = rewritten(lambda _, one: one._replace(entry=stone) if one.entry == stone + 1 else one)
    assert told({EHR: data}).code is BundleFault.EVIDENCE_BATCH


def test_runs_that_are_left_out_are_no_reason_to_refuse() -> None:
    data = rewritten(lambda n, one: None if n % 2 else one)
    evidence = open_evidence(Held({**PARTS, EHR: data}))
    assert len(all_of(evidence, "ehr")) < len(all_of(bundles.opened()[1], "ehr"))


STONES = PARTS[layout.TOMBSTONES]


def stone(**more: object) -> bytes:
    found = {**json.loads(STONES), **more}
    return json.dumps(found, sort_keys=True, separators=(",", ":")).encode() + b"\n"


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        b"{}\n",
        STONES + STONES,
        STONES[:-1],
        stone(more=1),
        stone(index=0),
        stone(index=-1),
        stone(index=1 << 40),
        stone(body="AAAA"),
        stone(body="A"),
        stone(body=1),
    ],
)
def test_a_body_that_is_not_the_one_of_its_tombstone_is_refused(data: bytes) -> None:
    assert told({layout.TOMBSTONES: data}).code is BundleFault.EVIDENCE_TOMBSTONE


def test_a_tombstone_that_is_not_disclosed_leaves_a_gap_and_says_so() -> None:
    rest = {name: data for name, data in PARTS.items() if name != layout.TOMBSTONES}
    evidence = open_evidence(Held(rest))
    found: dict[str, Any] = dict(derive(evidence, asked_of(WORLD)))
    assert "tombstone" in {gap["cause"] for gap in found["gaps"]}


def test_runs_of_a_batch_that_is_there_beside_its_tombstone_count_once() -> None:
    """Its acknowledgement was lost, so the agent gave up what had arrived."""
    _, evidence, asked = bundles.opened()
    (stone,) = WORLD.tombstones
    whole = evidence.log.arrived[stone]
    found = [r for r in all_of(evidence, "ehr") if r.arrived.index == stone]
    assert found
    assert not any(record.again for record in found)
    beside = replace(whole, index=1 << 40, last_seq=whole.seq, tombstone=False)
    log = replace(evidence.log, arrived={**evidence.log.arrived, beside.index: beside})
    there = replace(evidence, log=log)
    again = [r for r in all_of(there, "ehr") if r.arrived.index == stone]
    assert [record.again for record in again] == [True, *[False] * (len(again) - 1)]
    counted, apart = (
        Slots("ehr", evidence.rows.histories["ehr"], asked),
        Slots("ehr", evidence.rows.histories["ehr"], asked),
    )
    counted.see(found[0])
    apart.see(again[0])
    assert counted.received == len(found[0].table.at_ms)
    assert (apart.received, apart.outcomes.total()) == (0, 0)


def test_what_came_late_is_put_where_it_belongs() -> None:
    _, evidence, _ = bundles.opened()
    order = Order(evidence.log)
    late = [i for i in order.late if not evidence.log.arrived[i].tombstone]
    assert late
    starts = [r.arrived.first_t for r in all_of(evidence, "ehr") if r.arrived.index in order.late]
    assert starts == sorted(starts)


def test_more_that_came_late_than_fits_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_LATE", 10)
    _, evidence, _ = bundles.opened()
    error = refused(all_of, evidence, "ehr")
    assert (error.code, error.place) == (BundleFault.TOO_LARGE, EHR)


def test_a_batch_whose_header_says_another_time_is_refused() -> None:
    _, evidence, asked = bundles.opened()
    index = next(r.arrived.index for r in all_of(evidence, "ehr"))
    moved = replace(evidence.log.arrived[index], first_t=evidence.log.arrived[index].last_t)
    log = replace(evidence.log, arrived={**evidence.log.arrived, index: moved})
    error = refused(derive, replace(evidence, log=log), asked)
    assert (error.code, error.place) == (BundleFault.EVIDENCE_SEGMENT, f"{EHR}:{index}")
