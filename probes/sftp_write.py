"""The agreed write test: a file of ours is written, renamed and deleted.

Its two names are always the same, so that what one run could not delete the next one does.
"""

from __future__ import annotations

from dataclasses import dataclass

from probes.clock import Clock
from probes.contract import Outcome
from probes.reasons import Reason
from probes.sftp_session import Refused, Session
from probes.wire import sftp
from probes.wire.sftp import Mode, Status

TEMPORARY, FINAL = ".wardwatch-test.tmp", ".wardwatch-test"
CONTENT = b"Wardwatch write test: this file may be deleted.\n"


@dataclass(slots=True)
class WriteTester:
    """Of one check."""

    folder: str
    clock: Clock
    may_stand: bool = False
    """One of the two files that it made may be there."""
    is_first: bool = True
    """Whoever ran before may have left one."""
    skew_ms: int | None = None
    """The server's clock less ours, to a second or two."""

    async def run(self, session: Session) -> tuple[Outcome, Reason]:
        """Raises NetFailure; what was left behind then is `may_stand`."""
        temporary, final = (self._path(name) for name in (TEMPORARY, FINAL))
        if self.may_stand or self.is_first:
            await session.ask(sftp.remove(temporary), sftp.remove(final))
        self.is_first, self.may_stand, self.skew_ms = False, True, None
        try:
            await self._write(session, temporary)
            await session.done(sftp.rename(temporary, final))
        except Refused as refused:
            self.may_stand = not await _gone(session, temporary)
            return refused.outcome, refused.reason
        self.may_stand = not await _gone(session, final)
        if self.may_stand:
            return Outcome.DEGRADED, Reason.SFTP_NOT_UNDONE
        return Outcome.UP, Reason.OK

    async def _write(self, session: Session, path: bytes) -> None:
        mode = Mode.WRITE | Mode.CREATE | Mode.TRUNCATE
        handle = (await session.one(sftp.open_file(path, mode), sftp.Handle)).handle
        before_ms = self.clock.now_ms()
        try:
            await session.done(sftp.write(handle, 0, CONTENT))
            told = await session.one(sftp.told(handle), sftp.Told)
        finally:
            closed = (await session.ask(sftp.close(handle)))[0]
        if isinstance(closed, sftp.Said) and closed.code != Status.OK:
            raise Refused(closed.code)  # some servers keep the full disk for the end
        if told.attributes.mtime_s is not None:
            between_ms = (before_ms + self.clock.now_ms()) // 2
            self.skew_ms = told.attributes.mtime_s * 1000 + 500 - between_ms

    def _path(self, name: str) -> bytes:
        return f"{self.folder.rstrip('/')}/{name}".encode()


async def _gone(session: Session, path: bytes) -> bool:
    said = (await session.ask(sftp.remove(path)))[0]
    return isinstance(said, sftp.Said) and said.code in (Status.OK, Status.NO_SUCH_FILE)
