"""A bundle's evidence taken from its members: the one way of the issuer and of the verifier.

Whatever stands in the members is taken or refused by name. Nothing is judged here: not whether the
log has these entries, nor who has signed what; `look` shows each entry to whoever judges.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from sys import intern

from collector import acts
from collector.attest import entries as log_entries
from collector.attest import note, policyfile, projection, proof
from collector.attest.entries import BatchEntry, Entry
from collector.attest.faults import AttestError
from collector.attest.policy import Accepted, Policy, accept
from collector.attest.policyfile import PolicyError
from collector.bundle import layout, logfile, members, rowsfile
from collector.bundle.evidence import Arrived, Evidence, Log, Rows, Witnessed
from collector.bundle.faults import BundleError, BundleFault
from collector.bundle.keys import keys_of
from collector.bundle.members import Members
from collector.bundle.parts import WRONG, part_of, repeats_rightly
from collector.bundle.rowsfile import ShownRow
from collector.bundle.witnessing import cosigned_ms
from probes import batch, tombstone
from probes.acts import Correction, WindowAct
from probes.batch import Clock
from probes.config import Config
from probes.envelope import BatchError
from probes.history import History, Version
from probes.wire.merkle import leaf_hash

Header = batch.Header | tombstone.Header
Look = Callable[[int, bytes, Entry, Header | None], None]
"""Told of each entry of the range in order: index, bytes, what they say, an agent's header."""


def open_evidence(found: Members, look: Look | None = None) -> Evidence:
    """BundleError names the first member that cannot be read, and where."""
    policy = open_policy(found)
    rows = open_rows(found)
    log = open_log(found, look)
    return Evidence(found, policy, rows, log, open_witnessed(found, policy, rows, log))


def open_policy(found: Members) -> Policy:
    """Whom the issuer trusts; BundleError for what is no policy."""
    data = members.whole(found, layout.POLICY, policyfile.MAX_BYTES)
    try:
        return policyfile.parse(data)
    except PolicyError:
        raise BundleError(BundleFault.POLICY, layout.POLICY) from None


def open_rows(found: Members) -> Rows:
    """Every disclosed row, what was in force for each disclosed system, and agents' keys."""
    with found.open(layout.ROWS) as file:
        shown = list(rowsfile.read_rows(file))
    plain = [one.row for one in shown if one.row is not None]
    try:
        window_acts, corrections = acts.window_acts(plain), acts.corrections(plain)
    except WRONG:
        raise BundleError(BundleFault.ROWS_CONTENT, layout.ROWS) from None
    if not (all(map(_is_act, window_acts)) and all(map(_is_correction, corrections))):
        raise BundleError(BundleFault.ROWS_CONTENT, layout.ROWS)
    histories = {
        system: History(
            _versions(shown, system),
            window_acts,
            [one for one in corrections if one.system == system],
        )
        for system in layout.systems_in(found.names)
    }
    return Rows(shown, histories, keys_of(plain))


def open_log(found: Members, look: Look | None = None) -> Log:
    """The range, each entry shown to `look` in passing."""
    start = logfile.read_start(members.whole(found, layout.LOG_START, _MAX_START))
    last = members.whole(found, layout.CHECKPOINT, _MAX_NOTE)
    heads: list[int] = []
    final: logfile.Head | None = None
    with found.open(layout.CHECKPOINTS) as file:
        for final in logfile.read_checkpoints(file, start.origin):
            heads.append(final.checkpoint.size)
    if final is None or logfile.note_bytes(final) != last:
        raise BundleError(BundleFault.LOG_CHECKPOINT, layout.CHECKPOINT)
    if start.before.size not in (0, heads[0]):
        raise BundleError(BundleFault.LOG_CHECKPOINT, f"{layout.CHECKPOINTS}:1")
    arrived: dict[int, Arrived] = {}
    stones: dict[int, tombstone.Header] = {}
    index = start.before.size
    with found.open(layout.ENTRIES) as file:
        for data in logfile.read_entries(file):
            if index >= final.checkpoint.size:
                raise BundleError(BundleFault.LOG_FRAME, layout.ENTRIES)
            entry, header = _entry(data, index)
            if isinstance(entry, BatchEntry) and header is not None:
                arrived[index] = _arrived(index, entry, header)
            if isinstance(header, tombstone.Header):
                stones[index] = header
            if look is not None:
                look(index, data, entry, header)
            index += 1
    if index != final.checkpoint.size:
        raise BundleError(BundleFault.LOG_FRAME, layout.ENTRIES)
    return Log(start, final.checkpoint, heads, arrived, stones)


def open_witnessed(found: Members, policy: Policy, rows: Rows, log: Log) -> Witnessed:
    """When witnesses had seen the final checkpoint, and each row that has an early proof.

    BundleError for a proof that does not prove its row by the policy.
    """
    seen: dict[int, int] = {}
    for one in rows.shown:
        name = layout.early_proof_of(one.index)
        if name not in found.names:
            continue
        data = members.whole(found, name, _MAX_PROOF)
        try:
            leaf = leaf_hash(log_entries.write(one.entry))
            told = proof.parse(data)
            accepted = proof.verify(told, leaf, policy)
        except AttestError:
            raise BundleError(BundleFault.PROOF_EARLY, name) from None
        at = cosigned_ms(policy, accepted.witnessed)
        if told.index != one.index or at is None or accepted.checkpoint.origin != log.start.origin:
            raise BundleError(BundleFault.PROOF_EARLY, name)
        seen[one.index] = at
    final = _final(found, policy)
    names = frozenset(name.decode(errors="replace") for name in final.witnessed)
    return Witnessed(cosigned_ms(policy, final.witnessed), seen, names)


_MAX_START = 1 << 16
_MAX_NOTE = _MAX_PROOF = 2 << 20


def _is_act(act: WindowAct) -> bool:
    """Does it hold what an act holds? Rows are read as somebody else wrote them."""
    texts = (act.id, act.by, act.digest or "")
    window = act.window
    return all(isinstance(one, str) for one in texts) and (
        window is None or repeats_rightly(window)
    )


def _is_correction(one: Correction) -> bool:
    signed = [s for s in (one.requested, one.approved) if s is not None]
    return all(isinstance(n, int) for n in (one.start, one.end)) and all(
        isinstance(text, str) for text in (one.id, one.system, *(s.by for s in signed))
    )


def _final(found: Members, policy: Policy) -> Accepted:
    data = members.whole(found, layout.CHECKPOINT, _MAX_NOTE)
    try:
        return accept(policy, note.parse(data))
    except AttestError:
        raise BundleError(BundleFault.LOG_CHECKPOINT, layout.CHECKPOINT) from None


def _versions(shown: Sequence[ShownRow], system: str) -> list[Version]:
    """What was in force for a system; a version without it is one in which it is not there."""
    parts: list[tuple[ShownRow, Config | None]] = []
    for one in shown:
        if one.row is None:
            part = one.parts.get(system)
            parts.append((one, None if part is None else part_of(system, part.data, one.entry.id)))
    known = next((config for _, config in parts if config is not None), None)
    if known is None:
        raise BundleError(BundleFault.ROWS_STATE, layout.evidence_of(system))
    absent = projection.without(known)
    return [
        Version(one.entry.recorded_at, absent if config is None else config, one.entry.id)
        for one, config in parts
    ]


def _entry(data: bytes, index: int) -> tuple[Entry, Header | None]:
    place = f"{layout.ENTRIES}:{index}"
    try:
        entry = log_entries.parse(data)
    except AttestError:
        raise BundleError(BundleFault.LOG_ENTRY, place) from None
    if not isinstance(entry, BatchEntry):
        return entry, None
    try:
        if entry.tombstone:
            return entry, tombstone.header_of(entry.header)
        return entry, batch.header_of(entry.header)
    except BatchError:
        raise BundleError(BundleFault.LOG_HEADER, place) from None


def _arrived(index: int, entry: BatchEntry, header: Header) -> Arrived:
    place = (index, entry.received_at, intern(header.agent), intern(header.epoch))
    if isinstance(header, tombstone.Header):
        return Arrived(
            *place,
            header.first_seq,
            header.last_seq,
            header.first_t,
            header.last_t,
            _clock(header.clock_offset_ms, header.clock_error_ms),
            sum(header.kept.values()),
            sum(header.given_up.values()),
            tombstone=True,
        )
    offset = header.clock_offset_ms
    return Arrived(
        *place,
        header.seq,
        header.seq,
        header.first_at + offset,
        header.last_at + offset,
        _clock(offset, header.clock_error_ms),
        header.results,
        systems=header.systems,
        root=bytes.fromhex(header.segments_root),
    )


@lru_cache(maxsize=1_024)
def _clock(offset_ms: int, error_ms: int) -> Clock:
    return Clock(offset_ms, error_ms)
