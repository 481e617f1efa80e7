"""What agents of this release and of those before it send is taken to the letter.

The bytes in `fixtures/` were recorded once. When one of these tests fails, agents out there would
be refused or misread: mend the code, not the recording.
"""

from __future__ import annotations

import base64
import json
from importlib.metadata import version

import msgspec
import pytest

from collector.evidence import Evidence
from collector.store.store import Store
from probes import batch, notice, tombstone
from probes.results import Result
from tests.support.rounds import a_round, config, public
from tests.wire import story
from tests.wire.record import FOLDER

NAMES = sorted(path.stem for path in FOLDER.glob("*.batches"))
NEWEST = max(NAMES, key=lambda name: tuple(int(part) for part in name.split(".")))
OLDER = 2
"""Minor releases whose agents are still taken."""


def batches(name: str) -> list[bytes]:
    lines = (FOLDER / f"{name}.batches").read_text("ascii").splitlines()
    return [base64.b64decode(line, validate=True) for line in lines]


def others(name: str) -> dict[str, bytes]:
    lines = (FOLDER / f"{name}.others").read_text("ascii").splitlines()
    return {kind: base64.b64decode(data) for kind, _, data in (x.partition(" ") for x in lines)}


def results(name: str) -> list[dict[str, object]]:
    return [json.loads(x) for x in (FOLDER / f"{name}.results").read_text("ascii").splitlines()]


def plain(result: Result) -> dict[str, object]:
    return {
        "check": result.check,
        "t": result.t,
        "outcome": result.outcome.value,
        "reason": result.reason,
        "duration_ms": result.duration_ms,
        "cert_days_left": result.cert_days_left,
    }


@pytest.mark.parametrize("name", NAMES)
async def test_the_collector_takes_every_recording_and_reads_it_right(
    name: str, store: Store
) -> None:
    checks = {
        check: {"system": system, "kind": "http", "every": "30s", "timeout": "10s"}
        for check, system in (("ehr-read", "ehr"), ("lab-orders", "lab"))
    }
    systems = {
        system: {"name": system.upper(), "impact": {"class": "clinical"}}
        for system in ("ehr", "lab")
    }
    agents = {story.AGENT: {"site": "north", "key": public(story.AGENT)}}
    used = config(checks=checks, systems=systems, agents=agents)
    async with a_round(store, used=used) as one:
        await one.clock.advance(3_600_000)
        for number, data in enumerate(batches(name)):
            accepted = await one.ingest.accept(data)
            assert (accepted.epoch, accepted.stored) == (story.EPOCH, ((1, number + 1),))
        evidence = Evidence(store, story.ORG)
        found = [
            plain(r)
            async for page in evidence.since({})
            for line in page.lines.values()
            for r in line
        ]
    assert story.in_order(found) == results(name)


@pytest.mark.parametrize("name", NAMES)
def test_what_else_an_agent_signs_is_read_as_it_was_meant(name: str) -> None:
    recorded = others(name)
    key = public(story.AGENT)
    grave = tombstone.open_tombstone(recorded["tombstone"])
    tombstone.verify(grave, key)
    assert (grave.header.first_seq, grave.header.last_seq) == (1, 1)
    assert grave.header.last == batch.header_hash(batch.open_batch(batches(name)[0]))
    # Of the EHR each fourth slot was not up: all of it is kept. Of the lab the first nine.
    kept = [plain(r) for r in tombstone.results_of(grave, 0)]
    first = results(name)[:40]
    ehr = [r for r in first if r["check"] == "ehr-read"]
    lab = [r for r in first if r["check"] == "lab-orders"]
    assert (len(ehr), len(lab)) == (20, 20)
    assert story.in_order(kept) == story.in_order([*ehr, *lab[:9]])
    said, envelope = notice.split(recorded["notice"])
    notice.verify(envelope, key)
    assert (said.kind, said.system, said.cause, said.taken) == (
        "system.down",
        "ehr",
        "tcp.refused",
        ["webhook"],
    )


def test_the_wire_is_that_of_the_newest_recording() -> None:
    """A change of the wire needs a recording of its own beside the old ones:
    `python -m tests.wire.record NAME`.
    """
    assert [_form(data) for data in story.record()] == [_form(data) for data in batches(NEWEST)]
    assert story.expected() == results(NEWEST)
    made, recorded = story.record_others(), others(NEWEST)
    assert _signed(made["notice"]) == _signed(recorded["notice"])
    assert _signed(made["tombstone"]) == _signed(recorded["tombstone"])


def test_there_is_a_recording_of_every_release_whose_agents_are_taken() -> None:
    major, minor = (int(part) for part in version("wardwatch").split(".")[:2])
    first = 1 if major == 0 else 0
    needed = {f"{major}.{n}" for n in range(max(first, minor - OLDER), minor + 1)}
    assert needed <= set(NAMES)


def _form(data: bytes) -> tuple[object, ...]:
    """All of it but how well the body was compressed, which a library may do better one day."""
    opened = batch.open_batch(data)
    return (_signed(data), data[:4], batch.body_of(opened), batch.runs_of(opened))


def _signed(data: bytes) -> list[tuple[str, object]]:
    """The header's fields in their order, without those that follow from the compressed body."""
    size = int.from_bytes(data[4:8], "big")
    fields = msgspec.json.decode(data[8 : 8 + size])
    return [
        (k, v) for k, v in fields.items() if k not in ("body_sha256", "body_length", "prev", "last")
    ]
