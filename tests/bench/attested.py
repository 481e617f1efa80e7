"""A bundle of a month, as large as one likes, made in a few minutes: for the bench of `verify`.

Three agents probe every check each minute and seal a batch each minute. A minute's segments are one
of a few made from seeded runs, moved in time; bodies of batches are never disclosed, so there are
none, and their hashes are of nothing.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import BinaryIO

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.attest import checkpoint, commitments, dsse, entries, note, projection, statement
from collector.attest.checkpoint import Checkpoint
from collector.attest.dsse import Envelope
from collector.attest.entries import BatchEntry, LogStart, RowEntry
from collector.attest.merkle import CompactRange
from collector.attest.note import Note
from collector.attest.statement import PAYLOAD_TYPE, Statement, Subject
from collector.attest.vkey import SignatureType, VerifierKey
from collector.bundle import evidencefile, layout, logfile, opening, rowsfile, zipwrite
from collector.bundle.derive import derive
from collector.bundle.evidence import CLOSED_MS, Asked
from collector.bundle.logfile import Start
from collector.bundle.predicate import TYPE, Claimed, predicate
from collector.facts import CONFIG, Row
from probes import agentkeys, batch, configfile, segmentforms, segments
from probes.config import Config
from probes.contract import Outcome
from probes.schedule import offset_ms
from probes.segments import Run
from probes.wire.merkle import leaf_hash, root

MINUTE_MS, DAY_MS = 60_000, 86_400_000
START = 1_782_864_000_000
"""2026-07-01T00:00:00Z."""
AGENTS = ("east-1", "north-1", "south-1")
ORIGIN, SECRET = "bench.example/evidence", bytes(32)
TEMPLATES = 64
PUBLISHED = 1_500
"""Entries between two checkpoints: about eight hours."""


@dataclass(frozen=True, slots=True)
class Size:
    """`systems` of `checks` each, for so many minutes from a day before the month on."""

    systems: int = 10
    checks: int = 20
    days: int = 31

    @property
    def batches(self) -> int:
        return len(AGENTS) * self.days * DAY_MS // MINUTE_MS

    @property
    def results(self) -> int:
        return self.systems * self.checks * self.batches

    @property
    def asked(self) -> Asked:
        first = START - DAY_MS
        return Asked(START, first + self.days * DAY_MS, first, {})


class Folder:
    """Members as files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in ("log", "evidence"):
            (folder / name).mkdir()

    @property
    def names(self) -> Sequence[str]:
        return tuple(
            str(path.relative_to(self._folder))
            for path in sorted(self._folder.rglob("*"))
            if path.is_file()
        )

    def open(self, name: str) -> BinaryIO:
        return (self._folder / name).open("rb")

    def create(self, name: str) -> BinaryIO:
        return (self._folder / name).open("wb")

    def put(self, name: str, data: bytes) -> None:
        (self._folder / name).write_bytes(data)


def key(number: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)


def config(size: Size) -> Config:
    return Config.model_validate(
        {
            "version": "1",
            "organization": {"id": "bench", "name": "Bench", "timezone": "UTC"},
            "sites": {name: {"name": name} for name in AGENTS},
            "agents": {
                name: {"site": name, "key": agentkeys.text_of(key(n).public_key())}
                for n, name in enumerate(AGENTS, 1)
            },
            "systems": {
                f"s{n}": {"name": f"System {n}", "impact": {"class": "clinical"}}
                for n in range(size.systems)
            },
            "checks": {
                f"s{n}-c{m}": {"system": f"s{n}", "kind": "any", "every": "60s", "timeout": "10s"}
                for n in range(size.systems)
                for m in range(size.checks)
            },
        }
    )


def make(folder: Path, size: Size, out: BinaryIO) -> None:
    """Write the bundle to `out`; `folder` is empty, and for the parts."""
    members = Folder(folder)
    log = _Log(members)
    whole = configfile.canonical(config(size))
    _version(log, members, whole)
    _batches(log, members, size)
    log.publish()
    log.close()
    for name in (layout.README, layout.REPORT_HTML, layout.OSCAL, layout.VERIFIER):
        members.put(name, b"-\n")
    own = VerifierKey(ORIGIN, SignatureType.ED25519, log.key.public_key().public_bytes_raw())
    members.put(layout.POLICY, f"log {own.text()}\nquorum none\n".encode())
    members.put(layout.STATEMENT, b"-\n")
    _state(members, size, log.key)
    zipwrite.write(out, members)


class _Log:
    def __init__(self, members: Folder) -> None:
        self.key = key(9)
        self._tree = CompactRange()
        self._leaves: list[bytes] = []
        self._members = members
        self._entries = members.create(layout.ENTRIES)
        self._notes: list[bytes] = []
        self.size = 0
        members.put(layout.LOG_START, logfile.write_start(Start(ORIGIN, CompactRange())))
        self.add(entries.write(LogStart("bench", START - 2 * DAY_MS)))

    def add(self, data: bytes) -> int:
        self._entries.write(logfile.frame(data))
        self._leaves.append(leaf_hash(data))
        self.size += 1
        if self.size % PUBLISHED == 0:
            self.publish()
        return self.size - 1

    def publish(self) -> None:
        self._tree, _ = self._tree.extended(self._leaves)
        self._leaves.clear()
        text = checkpoint.write(Checkpoint(ORIGIN, self.size, self._tree.root()))
        data = note.write(Note(text, (note.sign(text, ORIGIN, self.key),)))
        if not self._notes or self._notes[-1] != data:
            self._notes.append(data)

    def close(self) -> None:
        self._entries.close()
        lines = b"".join(logfile.write_checkpoints(self._notes))
        self._members.put(layout.CHECKPOINTS, lines)
        self._members.put(layout.CHECKPOINT, self._notes[-1])


def _version(log: _Log, members: Folder, whole: bytes) -> None:
    at = START - 2 * DAY_MS
    row = Row(1, CONFIG, at, at, "system", whole)
    parts = projection.projections(whole)
    entry = RowEntry(1, at, 1, CONFIG, commitments.commit(SECRET, row, parts))
    told = [commitments.disclose_part(SECRET, row, parts, name) for name in sorted(parts)]
    index = log.add(entries.write(entry))
    members.put(layout.ROWS, rowsfile.write_version(index, entry, told))


def _batches(log: _Log, members: Folder, size: Size) -> None:
    systems = [f"s{n}" for n in range(size.systems)]
    files = {one: members.create(layout.evidence_of(one)) for one in systems}
    writers = {one: evidencefile.Writer(file) for one, file in files.items()}
    made = {name: _templates(name, size) for name in AGENTS}
    links, seqs = dict.fromkeys(AGENTS, batch.NO_PREVIOUS), dict.fromkeys(AGENTS, 0)
    ends = {name: _ends(name, size) for name in AGENTS}
    for minute in range(size.days * DAY_MS // MINUTE_MS):
        at = START - DAY_MS + minute * MINUTE_MS
        for number, agent in enumerate(AGENTS, 1):
            forms = made[agent][minute * 7 % TEMPLATES]
            packed = {
                one: segmentforms.pack(msgspec.structs.replace(form, base=form.base + at))
                for one, form in forms.items()
            }
            leaves = batch.leaves(minute.to_bytes(16, "big"), packed)
            seqs[agent] += 1
            header = _header(agent, seqs[agent], links[agent], at, ends[agent], size, root(leaves))
            data = msgspec.json.encode(header)
            links[agent] = hashlib.sha256(data).hexdigest()
            signed = BatchEntry(at + MINUTE_MS + 500, 1, key(number).sign(data), data)
            index = log.add(entries.write(signed))
            for place, one in enumerate(sorted(packed)):
                writers[one].put(evidencefile.segment_of(index, leaves, place))
    for one in systems:
        writers[one].close()
        files[one].close()


def _templates(agent: str, size: Size) -> list[Mapping[str, segmentforms.Dense]]:
    """A minute of all systems, several times, from minute 0 on: 0.2 % are down."""
    rng = Random(agent)
    found: list[Mapping[str, segmentforms.Dense]] = []
    for _ in range(TEMPLATES):
        forms: dict[str, segmentforms.Dense] = {}
        for n in range(size.systems):
            names = [f"s{n}-c{m}" for m in range(size.checks)]
            runs = [_run(rng, f"s{n}", name, offset_ms(agent, name, MINUTE_MS)) for name in names]
            runs.sort(key=lambda run: run.at_ms)
            form = segmentforms.unpack(segments.encode(runs))
            assert isinstance(form, segmentforms.Dense)
            forms[f"s{n}"] = form
        found.append(forms)
    return found


def _run(rng: Random, system: str, check: str, at: int) -> Run:
    down = rng.random() < 0.002
    took = int(rng.lognormvariate(10, 0.7))
    outcome, reason = (Outcome.DOWN, "http.status") if down else (Outcome.UP, "ok")
    return Run(system, check, at, at, outcome, reason, took, {"connect": took // 9})


def _ends(agent: str, size: Size) -> tuple[int, int]:
    """When an agent's first and last run of a minute are."""
    names = [f"s{n}-c{m}" for n in range(size.systems) for m in range(size.checks)]
    own = [offset_ms(agent, name, MINUTE_MS) for name in names]
    return min(own), max(own)


def _header(
    agent: str,
    seq: int,
    prev: str,
    at: int,
    ends: tuple[int, int],
    size: Size,
    segments_root: bytes,
) -> batch.Header:
    return batch.Header(
        version=1,
        org="bench",
        agent=agent,
        epoch="e1",
        seq=seq,
        prev=prev,
        config="0" * 16,
        first_at=at + ends[0],
        last_at=at + ends[1],
        wall_ms=at + MINUTE_MS,
        monotonic_ns=at * 1_000,
        clock_offset_ms=0,
        clock_error_ms=5,
        clock_source="chrony",
        beacon=None,
        results=size.systems * size.checks,
        systems=size.systems,
        body_sha256="0" * 64,
        body_length=1,
        segments_root=segments_root.hex(),
    )


def _state(members: Folder, size: Size, signing: Ed25519PrivateKey) -> None:
    derived = derive(opening.open_evidence(members), size.asked)
    at = size.asked.end + CLOSED_MS
    told = predicate(derived, Claimed("bench", 1, at, "simulated", "-", "-", "Bench", "-", 0))
    subjects = tuple(
        Subject(name, _digest(members, name))
        for name in zipwrite.in_order(members.names)
        if name not in layout.NOT_SUBJECTS
    )
    payload = statement.write(Statement(subjects, TYPE, told))
    envelope = dsse.sign(Envelope(PAYLOAD_TYPE, payload), signing)
    members.put(layout.STATEMENT, dsse.write(envelope))


def _digest(members: Folder, name: str) -> str:
    with members.open(name) as file:
        assert isinstance(file, io.BufferedReader)
        return hashlib.file_digest(file, "sha256").hexdigest()
