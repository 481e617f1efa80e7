"""The chain as files on an SFTP server tell it: which came when, and what their heads say.

Of a file remain its instant, control numbers and codes, in memory, under a hash of folder, name, size
and time of change; a file is read once. What has been fetched and deleted since stays known as long
as the check looks back. After a restart everything that still stands there is read again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from probes.claim_spec import ClaimChainSpec, Source
from probes.claims import Answer, Known, Sent, Stage
from probes.sftp_session import Session, expected
from probes.wire import claims, sftp
from probes.wire.sftp import Entry, Mode, Status

SETTLED_MS = 60_000
"""A file that changed later than this ago may still be being written."""
MOST_FILES = 500
MOST_READ = 8 << 20
"""Of one run; the next goes on."""
_AT_ONCE = 16
_CHUNK = 32_768
_HEADS = {None: 4_096, Stage.ACK: 65_536, Stage.ACCEPTANCE: 65_536, Stage.REMITTANCE: 0}
"""Bytes of a file that are read, by stage; None: an 837. Of an 835 it is enough that it came."""


class _File(NamedTuple):
    """Known while a run lasts."""

    id: bytes
    path: bytes
    at_ms: int
    stage: Stage | None


@dataclass(slots=True)
class _Seen:
    at_ms: int
    events: list[Sent | Answer]


@dataclass(slots=True)
class ClaimFiles:
    """Of one check. Fill it by `list` for each source, then `read`, then ask for what is `known`."""

    spec: ClaimChainSpec
    since_ms: int
    _seen: dict[bytes, _Seen] = field(default_factory=dict)
    _new: list[_File] = field(default_factory=list)

    @property
    def sources(self) -> Iterator[tuple[Stage | None, Source]]:
        yield None, self.spec.sent
        yield from self.spec.in_order.items()

    def begin(self, now_ms: int) -> None:
        """Another run: forget what is too old to matter."""
        from_ms = now_ms - self.spec.terms.look_back_ms
        self._seen = {id_: one for id_, one in self._seen.items() if one.at_ms > from_ms}
        self._new = []

    async def list(
        self, session: Session, stage: Stage | None, source: Source, now_ms: int
    ) -> bool:
        """Find what is new there; True: there is more than is listed. Raises Refused."""
        folder, matches = source.folder or "/", source.matches
        from_ms, upto_ms = now_ms - self.spec.terms.look_back_ms, now_ms - SETTLED_MS

        def take(entries: tuple[Entry, ...]) -> None:
            for entry in entries:
                attributes, name = entry.attributes, entry.name
                if not attributes.is_file or matches.match(name.decode("utf-8", "replace")) is None:
                    continue
                told_s = attributes.mtime_s
                at_ms = now_ms if told_s is None else min(told_s * 1000, now_ms)
                id_ = _id(folder, entry)
                if at_ms <= from_ms or id_ in self._seen:
                    continue
                if told_s is None or at_ms <= upto_ms or told_s * 1000 > now_ms:
                    path = f"{folder.rstrip('/')}/".encode() + name
                    self._new.append(_File(id_, path, at_ms, stage))

        return await session.folder(folder, take)

    async def read(self, session: Session) -> bool:
        """Read what is new, as far as a run goes; True: all of it. Raises Refused."""
        files = sorted(self._new, key=lambda file: file.at_ms)[:MOST_FILES]
        room, done = MOST_READ, 0
        while done < len(files) and room > 0:
            batch = files[done : done + _AT_ONCE]
            for file, head in zip(batch, await _heads(session, batch), strict=True):
                if head is not None:
                    self._seen[file.id] = _Seen(file.at_ms, _events(file, head))
                    room -= len(head)
            done += len(batch)
        return done == len(self._new)

    def known(self, *, whole: bool) -> Known:
        events = [event for one in self._seen.values() for event in one.events]
        return Known(
            [one for one in events if isinstance(one, Sent)],
            [one for one in events if isinstance(one, Answer)],
            self.since_ms,
            whole=whole,
        )


def _id(folder: str, entry: Entry) -> bytes:
    told = f"{folder}\0{entry.attributes.size}\0{entry.attributes.mtime_s}\0".encode()
    return sha256(told + entry.name).digest()[:16]


def _events(file: _File, head: bytes) -> list[Sent | Answer]:
    if file.stage is None:
        return [Sent(file.at_ms, claims.numbers(head))]
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
