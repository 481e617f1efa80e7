"""Folders of an SFTP server where files are brought and fetched: who brings, who fetches, what is
stuck (`sftp_drop.md`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from probes import sftp_folders
from probes.contract import Env, Fact, Kind, Observation, Outcome, Probe, Slot, StepName, Writes
from probes.reasons import Reason
from probes.sftp_folders import AHEAD_MS, Seen
from probes.sftp_run import SFTP_REASONS, need_library, verdict, visiting
from probes.sftp_session import Refused, Session
from probes.sftp_spec import Folder, SftpDropSpec
from probes.sftp_write import WriteTester
from probes.unusable import Unusable

if TYPE_CHECKING:
    from probes.sftp_visit import Visit

_LEAST_EVERY_MS = 60_000
"""Of a check that writes."""


class SftpDropProbe:
    """One opened check; every run makes a connection of its own."""

    def __init__(self, spec: SftpDropSpec, env: Env, visit: type[Visit]) -> None:
        self._spec = spec
        self._env = env
        self._visit = visit
        self._last_ms: dict[str, int | None] = {}
        self._tester = None if spec.write is None else WriteTester(spec.write.folder, env.clock)

    async def run(self, slot: Slot) -> Observation:  # noqa: ARG002 - folders are as they are now
        visit, folders = self._visit(self._spec, self._env), list[Seen]()

        async def work(session: Session) -> None:
            skew_ms = await self._write(visit, session)
            for folder in self._spec.folders:
                await self._list(visit, session, folder, skew_ms, folders)

        await visit.go(work)
        facts = sftp_folders.facts(folders) if folders else {}
        tester = self._tester
        if tester is not None:
            facts[Fact.NOT_UNDONE] = int(tester.may_stand)
            if tester.skew_ms is not None:
                facts[Fact.CLOCK_SKEW_S] = round(tester.skew_ms / 1000)
        return Observation(*verdict(visit.steps), visit.phases, facts, tuple(visit.steps))

    async def _write(self, visit: Visit, session: Session) -> int:
        """Milliseconds that the server's clock is ahead, as far as it is known."""
        tester = self._tester
        if tester is None:
            return 0
        visit.enter(StepName.WRITE)
        said = await tester.run(session)
        skew_ms = tester.skew_ms or 0
        if said[0] is Outcome.UP and abs(skew_ms) > AHEAD_MS:
            said = Outcome.DEGRADED, Reason.SFTP_CLOCK
        visit.leave(*said)
        return skew_ms

    async def _list(
        self, visit: Visit, session: Session, folder: Folder, skew_ms: int, folders: list[Seen]
    ) -> None:
        spec = self._spec
        now_ms = self._env.clock.now_ms() + skew_ms
        last_ms = self._last_ms.get(folder.path)
        seen = Seen(folder, spec.temporary, spec.empty_after, now_ms, last_ms)
        visit.enter(StepName.LIST)
        try:
            seen.is_cut = await session.folder(folder.path, seen.see)
        except Refused as refused:
            visit.leave(refused.outcome, refused.reason)
            return
        self._last_ms[folder.path] = seen.newest_at_ms
        folders.append(seen)
        visit.leave(*seen.verdict())


@asynccontextmanager
async def _open(spec: SftpDropSpec, env: Env) -> AsyncIterator[Probe]:
    module = await visiting("sftp_drop")
    if module is None:
        yield Unusable()
    else:
        yield SftpDropProbe(spec, env, module.Visit)


def _prepare(_spec: SftpDropSpec) -> None:
    need_library()


def _writes(spec: SftpDropSpec) -> Writes | None:
    if spec.write is None:
        return None
    return Writes(_LEAST_EVERY_MS, f"{spec.place}{spec.write.folder}")


KIND = Kind(
    name="sftp_drop",
    summary="Folders on an SFTP server: host key, newest and oldest file, backlog, what is stuck",
    parse=SftpDropSpec.model_validate,
    open=_open,
    prepare=_prepare,
    reasons=SFTP_REASONS
    | {
        Reason.SFTP_BACKLOG,
        Reason.SFTP_CLOCK,
        Reason.SFTP_EMPTY_FILE,
        Reason.SFTP_NOT_UNDONE,
        Reason.SFTP_STALE,
        Reason.SFTP_STUCK,
        Reason.SFTP_WAITING,
    },
    writes=_writes,
)
