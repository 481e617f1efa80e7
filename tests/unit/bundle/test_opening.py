"""Evidence taken from its members: whatever stands in them is taken, or refused with its place."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.attest import commitments
from collector.attest.commitments import OpenRow
from collector.attest.entries import BatchEntry, Entry, LogStart, RowEntry
from collector.bundle import layout, opening, rowsfile
from collector.bundle.derive import derive
from collector.bundle.evidence import Evidence, Witnessed
from collector.bundle.faults import BundleError, BundleFault
from collector.bundle.members import Held
from collector.bundle.opening import open_evidence
from collector.bundle.sample import asked_of
from collector.bundle.samplestory import Story
from collector.core.agent_keys import KeyState
from collector.facts import Row
from tests.support import bundles
from tests.support.soak import longer
from tests.unit.bundle.refusing import refused

WORLD, PARTS = bundles.disclosed()


def opened(changed: Mapping[str, bytes]) -> Evidence:
    return open_evidence(Held({**PARTS, **changed}))


def test_what_is_disclosed_is_what_the_world_has() -> None:
    found = opened({})
    first = found.log.start.before.size
    assert found.systems == ("ehr", "lab")
    assert found.log.final.size == WORLD.log.size
    batches = {n for n, one in found.log.arrived.items() if not one.tombstone}
    assert batches == {n for n in WORLD.batches if n >= first}
    assert set(found.log.tombstones) == set(WORLD.tombstones)
    for index, one in WORLD.batches.items():
        if index >= first:
            arrived, header = found.log.arrived[index], one.header
            assert (arrived.agent, arrived.epoch, arrived.seq, arrived.results) == (
                header.agent,
                header.epoch,
                header.seq,
                header.results,
            )
    assert {n: s.entry for s in found.rows.shown for n in [s.entry.id]}.items() <= (
        WORLD.placed.items()
    )


def test_a_system_is_judged_by_its_parts_in_the_order_they_were_recorded() -> None:
    history = opened({}).rows.histories["lab"]
    assert [v.config.checks["lab-read"].every for v in history.versions] == [
        900_000,
        1_800_000,
        1_800_000,
    ]
    assert [v.id for v in history.versions] == [
        row.id for row in WORLD.rows.values() if row.kind == "config.version"
    ]
    assert [act.id for act in history.acts] == ["patch-night", "patch-night"]
    assert history.corrections == ()
    assert [one.id for one in opened({}).rows.histories["ehr"].corrections] == ["power-cut"]


def test_keys_are_those_that_the_rows_leave() -> None:
    keys = opened({}).rows.keys
    assert [key.state for key in keys["north-1"]] == [KeyState.REPLACED, KeyState.APPROVED]
    assert [key.state for key in keys["south-1"]] == [KeyState.APPROVED]
    assert "outside-1" not in keys


def test_each_entry_of_the_range_is_shown_once_in_order() -> None:
    seen: list[tuple[int, type[Entry]]] = []

    def look(index: int, data: bytes, entry: Entry, header: opening.Header | None) -> None:
        assert data == WORLD.log.entries[index]
        assert (header is None) is not isinstance(entry, BatchEntry)
        seen.append((index, type(entry)))

    found = open_evidence(Held(PARTS), look)
    first = found.log.start.before.size
    assert [index for index, _ in seen] == list(range(first, WORLD.log.size))
    assert {kind for _, kind in seen} == {BatchEntry, RowEntry}
    assert first > 0  # else the log's start were among them
    assert LogStart not in {kind for _, kind in seen}


def test_witnesses_had_seen_a_row_by_the_first_checkpoint_that_has_it() -> None:
    found = opened({}).witnessed
    assert found.names == {"w0"}
    assert found.final == (WORLD.log.heads[-1].at // 1000 + 1) * 1000
    for index, at in found.rows.items():
        head = next(h for h in WORLD.log.heads if h.cosigned and h.size > index)
        assert at == (head.at // 1000 + 1) * 1000
    alone, parts = bundles.disclosed(replace(bundles.SMALL, witnesses=0))
    assert not alone.witnesses
    assert open_evidence(Held(parts)).witnessed == Witnessed(None, {}, frozenset())


def lines(name: str) -> list[bytes]:
    return PARTS[name].splitlines(keepends=True)


EARLY = next(name for name in PARTS if ".early." in name)


@pytest.mark.parametrize(
    ("changed", "code", "place"),
    [
        ({layout.POLICY: b"quorum"}, BundleFault.POLICY, "policy.txt"),
        ({layout.POLICY: bytes(1 << 20)}, BundleFault.TOO_LARGE, "policy.txt"),
        ({layout.LOG_START: b"{}"}, BundleFault.LOG_START, "log/start.json"),
        ({layout.CHECKPOINT: b"x"}, BundleFault.LOG_CHECKPOINT, "checkpoint.txt"),
        ({layout.CHECKPOINTS: b""}, BundleFault.LOG_CHECKPOINT, "checkpoint.txt"),
        (
            {layout.CHECKPOINTS: b"".join(lines(layout.CHECKPOINTS)[1:])},
            BundleFault.LOG_CHECKPOINT,
            "log/checkpoints.jsonl:1",
        ),
        (
            {layout.CHECKPOINTS: b"".join(lines(layout.CHECKPOINTS)[:-1])},
            BundleFault.LOG_CHECKPOINT,
            "checkpoint.txt",
        ),
        ({layout.ENTRIES: PARTS[layout.ENTRIES][:-1]}, BundleFault.LOG_FRAME, None),
        ({layout.ENTRIES: b""}, BundleFault.LOG_FRAME, "log/entries.bin"),
        (
            {layout.ENTRIES: PARTS[layout.ENTRIES] + b"\0\1x"},
            BundleFault.LOG_FRAME,
            "log/entries.bin",
        ),
        ({layout.ENTRIES: b"\0\1x" + PARTS[layout.ENTRIES]}, BundleFault.LOG_ENTRY, None),
        ({layout.ROWS: b"x"}, BundleFault.ROWS_LINE, "rows.jsonl:1"),
        ({layout.ROWS: b""}, BundleFault.ROWS_STATE, "evidence/ehr.bin"),
        ({layout.evidence_of("nobody"): b"WWE1"}, BundleFault.ROWS_STATE, "evidence/nobody.bin"),
        ({EARLY: b"x"}, BundleFault.PROOF_EARLY, EARLY),
    ],
)
def test_a_member_that_cannot_be_read_is_named(
    changed: Mapping[str, bytes], code: BundleFault, place: str | None
) -> None:
    error = refused(opened, changed)
    assert error.code is code
    assert place is None or error.place == place


def test_a_member_that_is_not_there_is_named() -> None:
    for name in (layout.POLICY, layout.ROWS, layout.LOG_START, layout.ENTRIES, layout.CHECKPOINTS):
        rest = {other: data for other, data in PARTS.items() if other != name}
        error = refused(open_evidence, Held(rest))
        assert (error.code, error.place) == (BundleFault.MISSING, name)


def test_keys_that_do_not_follow_from_each_other_are_refused() -> None:
    approved = [
        line
        for line in lines(layout.ROWS)
        if not (b"agent.enrolled" in line and json.loads(line)["index"] < 10)
    ]
    error = refused(opened, {layout.ROWS: b"".join(approved)})
    assert error.code is BundleFault.ROWS_KEY


def swapped_proofs() -> Mapping[str, bytes]:
    first, second, *_ = sorted(name for name in PARTS if ".early." in name)
    return {first: PARTS[second], second: PARTS[first]}


def test_an_early_proof_of_another_row_is_refused() -> None:
    assert refused(opened, swapped_proofs()).code is BundleFault.PROOF_EARLY


def test_a_row_that_claims_another_place_than_its_proof_is_refused() -> None:
    index = int(EARLY.split("/")[1].split(".")[0])
    moved = [
        line.replace(b'"index":%d,' % index, b'"index":%d,' % (index - 1))
        for line in lines(layout.ROWS)
        if f'"index":{index - 1},'.encode() not in line
    ]
    changed = {layout.ROWS: b"".join(moved), layout.early_proof_of(index - 1): PARTS[EARLY]}
    error = refused(opened, changed)
    assert (error.code, error.place) == (
        BundleFault.PROOF_EARLY,
        layout.early_proof_of(index - 1),
    )


def with_row(kind: str, data: object) -> Mapping[str, bytes]:
    """One row more, as a collector that lies may have logged it."""
    at = WORLD.story.start
    row = Row(900, kind, at, at, "who", json.dumps(data).encode())
    line = rowsfile.write_row(1 << 40, 99, OpenRow(bytes(16), commitments.record(row)))
    return {layout.ROWS: PARTS[layout.ROWS] + line}


WINDOW = {"id": "w", "systems": ["ehr"], "start": "2026-07-01T00:00:00"}
CORRECTION = {
    "id": "c",
    "system": "ehr",
    "from": 1,
    "to": 2,
    "as": "excluded",
    "reason": "third_party",
    "by": "who",
    "ref": None,
}


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("window.approved", []),
        ("window.approved", {"id": "w", "by": "who"}),
        ("window.approved", {"id": "w", "by": 1, "ref": None}),
        ("window.approved", {"id": ["w"], "by": "who", "ref": None}),
        ("window.proposed", {"id": "w", "by": "who", "ref": None, "window": WINDOW}),
        ("window.proposed", {"id": "w", "by": "who", "ref": None, "window": 1}),
        ("correction.requested", {**CORRECTION, "from": "1"}),
        ("correction.requested", {**CORRECTION, "by": 1}),
        ("correction.requested", {**CORRECTION, "id": []}),
        ("correction.requested", {**CORRECTION, "as": "x"}),
        ("correction.approved", {"id": "c", "by": "who", "ref": None}),
        ("evidence.away", {"from": 1}),
        ("evidence.away", {"from": "1", "to": 2}),
        ("incident.opened", {"key": 1}),
        ("incident.opened", {"key": "k", "started_at": 1}),
        ("incident.opened", 1),
    ],
)
def test_a_row_whose_content_is_not_that_of_its_kind_is_refused(kind: str, data: object) -> None:
    def numbers(changed: Mapping[str, bytes]) -> None:
        derive(opened(changed), asked_of(WORLD))

    assert refused(numbers, with_row(kind, data)).code is BundleFault.ROWS_CONTENT


def test_a_schedule_that_nobody_could_keep_is_refused() -> None:
    asked = asked_of(WORLD)
    longer_than_any = replace(asked, end=asked.start + 90_000_000 * 900_000)
    error = refused(derive, opened({}), longer_than_any)
    assert (error.code, error.place) == (BundleFault.TOO_LARGE, "evidence/ehr.bin")


NAMES = sorted(PARTS)


@settings(max_examples=longer(150), deadline=None)
@given(st.sampled_from(NAMES), st.data())
def test_whatever_is_flipped_or_cut_in_a_member_is_taken_or_refused_by_name(
    name: str, data: st.DataObject
) -> None:
    whole = bytearray(PARTS[name])
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        whole[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del whole[place:]
    with contextlib.suppress(BundleError):  # any other is a defect
        derive(opened({name: bytes(whole)}), asked_of(WORLD))


@settings(max_examples=longer(10), deadline=None)
@given(bundles.stories())
def test_any_hospital_is_opened(story: Story) -> None:
    _, evidence, _ = bundles.opened(story)
    assert len(evidence.systems) == min(story.disclosed, story.systems)
    assert (evidence.witnessed.final is None) is (story.witnesses == 0)
