"""The evidence of a simulated hospital as members of a bundle."""

from __future__ import annotations

import io
from collections.abc import Mapping

from collector.attest import commitments, spelling
from collector.attest.entries import STATE_KINDS
from collector.attest.vkey import SignatureType, VerifierKey
from collector.bundle import evidencefile, jsonlines, layout, logfile, rowsfile
from collector.bundle.samplestory import ORIGIN
from collector.bundle.sampleworld import World
from collector.facts import CONFIG, Row
from probes import batch
from probes.acts import ActKind

AHEAD_MS = 900_000
_EARLY = frozenset({CONFIG, ActKind.APPROVED.value})


def members(world: World) -> dict[str, bytes]:
    """All from `policy.txt` on."""
    start = _start(world)
    last = world.log.heads[-1]
    heads = [h.note for h in world.log.heads if h.size >= max(start, 1)]
    before = logfile.Start(ORIGIN, world.log.before(start))
    found = {
        layout.POLICY: policy(world),
        layout.CHECKPOINT: last.note,
        layout.LOG_START: logfile.write_start(before),
        layout.CHECKPOINTS: b"".join(logfile.write_checkpoints(heads)),
        layout.ENTRIES: b"".join(map(logfile.frame, world.log.entries[start : last.size])),
        layout.ROWS: b"",
    }
    shown = [row for row in world.rows.values() if _is_shown(world, row, start)]
    found[layout.ROWS] = b"".join(_line(world, row) for row in shown)
    for row in shown:
        found |= _proofs(world, row, start)
    for system in world.story.system_names[: world.story.disclosed]:
        found[layout.evidence_of(system)] = _evidence(world, system, start)
    stones = {index: one for index, one in world.tombstones.items() if index >= start}
    if stones:
        found[layout.TOMBSTONES] = b"".join(
            jsonlines.line({"body": spelling.base64_of(one.body), "index": index})
            for index, one in stones.items()
        )
    return found


def policy(world: World) -> bytes:
    """The log's keys, and of its witnesses more than half."""
    logs = [
        VerifierKey(ORIGIN, SignatureType.ED25519, key.public_key().public_bytes_raw())
        for key in world.log_keys
    ]
    lines = [f"log {key.text()}" for key in logs]
    names = []
    for n, one in enumerate(world.witnesses):
        public = one.key.public_key().public_bytes_raw()
        names.append(f"w{n}")
        lines.append(
            f"witness w{n} {VerifierKey(one.name, SignatureType.COSIGNATURE, public).text()}"
        )
    if names:
        lines.append(f"group witnesses {len(names) // 2 + 1} {' '.join(names)}")
    lines.append(f"quorum {'witnesses' if names else 'none'}")
    return "".join(f"{line}\n" for line in lines).encode()


def operators(world: World) -> Mapping[str, str]:
    """Of witnesses, by their name in the policy."""
    return {f"w{n}": one.operator for n, one in enumerate(world.witnesses)}


def _start(world: World) -> int:
    """The size of the newest checkpoint that is not younger than the evidence."""
    until = world.story.evidence_from - AHEAD_MS
    seen = [
        h.size for h in world.log.heads if h.at <= until and (h.cosigned or not world.witnesses)
    ]
    return max(seen, default=0)


def _is_shown(world: World, row: Row, start: int) -> bool:
    if row.kind in STATE_KINDS:
        return True
    if world.indexes[row.id] < start:
        return False
    disclosed = world.story.disclosed > 0  # incidents are the first system's
    return row.kind.startswith("evidence.") or (row.kind.startswith("incident.") and disclosed)


def _line(world: World, row: Row) -> bytes:
    index, entry = world.indexes[row.id], world.placed[row.id]
    if row.kind != CONFIG:
        opened = commitments.disclose_row(world.secret, row)
        return rowsfile.write_row(index, entry.state, opened)
    parts = world.parts[row.id]
    names = sorted(set(world.story.system_names[: world.story.disclosed]) & parts.keys())
    told = [commitments.disclose_part(world.secret, row, parts, name) for name in names]
    return rowsfile.write_version(index, entry, told)


def _proofs(world: World, row: Row, start: int) -> dict[str, bytes]:
    index, found = world.indexes[row.id], dict[str, bytes]()
    if index < start:
        found[layout.proof_of(index)] = world.log.prove(index, world.log.heads[-1])
    first = world.log.first_cosigned(index)
    if row.kind in _EARLY and first is not None:
        found[layout.early_proof_of(index)] = world.log.prove(index, first)
    return found


def _evidence(world: World, system: str, start: int) -> bytes:
    out = io.BytesIO()
    writer = evidencefile.Writer(out)
    for index, one in world.batches.items():
        secret, packed = batch.taken_apart(one.body)
        if index < start or system not in packed:
            continue
        leaves = batch.leaves(secret, packed)
        writer.put(evidencefile.segment_of(index, leaves, sorted(packed).index(system)))
    writer.close()
    return out.getvalue()
