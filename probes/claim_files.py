"""The chain as files on an SFTP server tell it: which came when, and what their heads say.

Of a file remain its instant, control numbers and codes, in memory, under a hash of stage, folder and
name; it is read once it is whole or no longer changes, and again if it does. What has been fetched and deleted
since stays known as long as the check looks back. After a restart all that still stands is read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import NamedTuple

from probes.claim_spec import ClaimChainSpec, Source
from probes.claims import Answer, Known, Sent, Stage
from probes.sftp_session import Session, expected
from probes.wire import claims, sftp
from probes.wire.sftp import Entry, Mode, Status

SETTLED_MS = 60_000
"""A file that has not stood unchanged for so long, by our clock, may still be being written: it counts
if what it says is whole.
"""
OLD_MS = 3_600_000
"""One whose last change is older, by its server's clock, counts at once. What says the same by another
time, no farther off, is the same file: touched, or its server's summer time began.
"""
MOST_FILES = 5_000
MOST_READ = 8 << 20
"""Of one run; the next goes on."""
MOST_KEPT = 50_000
"""Files and what they say, in memory; no more is read then."""
_AT_ONCE = 16
_CHUNK = 32_768
_HEADS = {None: 1_024, Stage.ACK: 1 << 20, Stage.ACCEPTANCE: 1 << 20, Stage.REMITTANCE: 0}
"""Bytes of a file that are read, by stage; None: an 837. Of an 835 it is enough that it came."""


class _File(NamedTuple):
    """Known while a run lasts."""

    id: bytes
    path: bytes
    told_s: int | None
    """Its last change, by the server."""
    at_ms: int
    stage: Stage | None
    is_settled: bool


@dataclass(slots=True)
class _Seen:
    told_s: int | None
    at_ms: int
    events: list[Sent | Answer]


@dataclass(slots=True)
class ClaimFiles:
    """Of one check. Fill it by `list` for each source, then `read`, then ask for what is `known`."""

    spec: ClaimChainSpec
    since_ms: int
    _seen: dict[bytes, _Seen] = field(default_factory=dict)
    _new: list[_File] = field(default_factory=list)
    _stood: dict[tuple[bytes, int | None, int | None], int] = field(default_factory=dict)
    """Since when a file that may still change stands as it does: last run, and this one."""
    _stands: dict[tuple[bytes, int | None, int | None], int] = field(default_factory=dict)

    @property
    def sources(self) -> Iterator[tuple[Stage | None, Source]]:
        yield None, self.spec.sent
        yield from self.spec.in_order.items()

    def begin(self, now_ms: int) -> None:
        """Another run: forget what is too old to matter."""
        from_ms = now_ms - self.spec.terms.look_back_ms
        self._seen = {id_: one for id_, one in self._seen.items() if one.at_ms > from_ms}
        self._stood, self._stands = self._stands, {}

    def end(self) -> None:
        """No name outlives a run."""
        self._new = []

    async def list(
        self, session: Session, stage: Stage | None, source: Source, now_ms: int
    ) -> bool:
        """Find what is new there; True: there is more than is listed. Raises Refused."""
        folder, matches = source.folder or "/", source.matches
        from_ms = now_ms - self.spec.terms.look_back_ms

        def take(entries: tuple[Entry, ...]) -> None:
            for entry in entries:
                attributes, name = entry.attributes, entry.name
                if not entry.is_file or matches.match(name.decode("utf-8", "replace")) is None:
                    continue
                told_s, id_ = attributes.mtime_s, _id(stage, folder, name)
                seen = self._seen.get(id_)
                if seen is not None and seen.told_s == told_s:
                    continue
                is_old = told_s is not None and told_s * 1000 <= now_ms - OLD_MS
                state = id_, attributes.size, told_s
                stands_ms = self._stood.get(state, now_ms)
                at_ms = stands_ms if told_s is None else min(told_s * 1000, stands_ms)
                if at_ms <= from_ms:
                    continue
                is_settled = is_old or now_ms - stands_ms >= SETTLED_MS
                path = f"{folder.rstrip('/')}/".encode() + name
                self._new.append(_File(id_, path, told_s, at_ms, stage, is_settled))
                if not is_old:
                    self._stands[state] = stands_ms

        return await session.folder(folder, take)

    async def read(self, session: Session, has_time: Callable[[], bool]) -> bool:
        """Read what is new, as far as a run goes; True: all of it. Raises Refused."""
        files = sorted(self._new, key=lambda file: file.at_ms)[:MOST_FILES]
        kept = sum(1 + len(one.events) for one in self._seen.values())
        room, done = MOST_READ, 0
        while done < len(files) and room > 0 and kept < MOST_KEPT and (not done or has_time()):
            batch = files[done : done + _AT_ONCE]
            for file, head in zip(batch, await _heads(session, batch), strict=True):
                if head is not None and (file.is_settled or _is_whole(file.stage, head)):
                    events = _events(file, head)
                    self._take(file, events)
                    room -= len(head)
                    kept += 1 + len(events)
            done += len(batch)
        return done == len(self._new)

    def _take(self, file: _File, events: Sequence[Sent | Answer]) -> None:
        before = self._seen.get(file.id)
        if before is None:
            self._seen[file.id] = _Seen(file.told_s, file.at_ms, [*events])
            return
        before.told_s = file.told_s
        last = [one for one in before.events if one.at_ms == before.at_ms]
        is_same = [replace(one, at_ms=before.at_ms) for one in events] == last
        if not is_same or abs(file.at_ms - before.at_ms) > OLD_MS:  # a name that is used again
            before.events += events
            before.at_ms = max(before.at_ms, file.at_ms)

    def known(self, *, whole: bool) -> Known:
        events = [event for one in self._seen.values() for event in one.events]
        return Known(
            [one for one in events if isinstance(one, Sent)],
            [one for one in events if isinstance(one, Answer)],
            self.since_ms,
            whole=whole,
        )


def _id(stage: Stage | None, folder: str, name: bytes) -> bytes:
    return sha256(f"{stage}\0{folder}\0".encode() + name).digest()[:16]


def _is_whole(stage: Stage | None, head: bytes) -> bool:
    """Nothing that is still to come would change what it says."""
    if stage is None:
        return claims.is_other(head) or claims.numbers(head) is not None
    return stage is Stage.REMITTANCE or claims.is_whole(head)


def _events(file: _File, head: bytes) -> list[Sent | Answer]:
    if file.stage is None:
        return [] if claims.is_other(head) else [Sent(file.at_ms, claims.numbers(head))]
    acks = None if file.stage is Stage.REMITTANCE else claims.acks(head)
    if acks is None:
        return [Answer(file.stage, file.at_ms)]
    return [Answer(file.stage, file.at_ms, ack) for ack in acks]


async def _heads(session: Session, files: list[_File]) -> list[bytes | None]:
    """None: it has gone meanwhile. Raises Refused, with nothing left open."""
    wanted = [file for file in files if _HEADS[file.stage]]
    opened = await session.ask(*(sftp.open_file(file.path, Mode.READ) for file in wanted))
    handles = {
        file.id: answer.handle
        for file, answer in zip(wanted, opened, strict=True)
        if isinstance(answer, sftp.Handle)
    }
    try:
        for answer in opened:
            if not _is_gone(answer):
                expected(answer, sftp.Handle)
        heads = {file.id: b"" for file in files if file.id in handles or not _HEADS[file.stage]}
        await _fill(session, wanted, handles, heads)
    finally:
        await session.ask(*map(sftp.close, handles.values()))
    return [heads.get(file.id) for file in files]


async def _fill(
    session: Session, wanted: list[_File], handles: dict[bytes, bytes], heads: dict[bytes, bytes]
) -> None:
    most = {file.id: _HEADS[file.stage] for file in wanted}
    going = list(handles)
    while going:
        asked = [
            sftp.read(handles[id_], len(heads[id_]), min(_CHUNK, most[id_] - len(heads[id_])))
            for id_ in going
        ]
        again = []
        for id_, answer in zip(going, await session.ask(*asked), strict=True):
            if isinstance(answer, sftp.Said) and answer.code == Status.EOF:
                continue
            data = expected(answer, sftp.Data).data[: most[id_] - len(heads[id_])]
            heads[id_] += data
            if data and len(heads[id_]) < most[id_]:
                again.append(id_)
        going = again


def _is_gone(answer: sftp.Answer) -> bool:
    return isinstance(answer, sftp.Said) and answer.code == Status.NO_SUCH_FILE
