"""Claims sent are answered in time: 837, then TA1/999, 277CA and 835 (`claim_chain.md`)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from probes.claim_files import ClaimFiles
from probes.claim_pings import heard
from probes.claim_spec import ClaimChainSpec, Source
from probes.claims import CLAIMS_REASONS, Judgement, Stage, judge
from probes.contract import Env, Kind, Observation, Outcome, Place, Probe, Slot, StepName
from probes.heartbeats import StoreAwayError
from probes.reasons import Reason
from probes.sftp_run import SFTP_REASONS, need_library, verdict, visiting
from probes.sftp_session import Refused, Session
from probes.sftp_spec import SftpAccess
from probes.unusable import Unusable

if TYPE_CHECKING:
    from probes.sftp_visit import Visit


class OverSftp:
    """Runs on an agent; every run makes a connection of its own."""

    def __init__(
        self, spec: ClaimChainSpec, access: SftpAccess, env: Env, visit: type[Visit]
    ) -> None:
        self._spec = spec
        self._access = access
        self._env = env
        self._visit = visit
        self._files = ClaimFiles(spec, env.clock.now_ms())

    async def run(self, slot: Slot) -> Observation:  # noqa: ARG002 - files are as they are now
        spec, now_ms = self._spec, self._env.clock.now_ms()
        visit, files = self._visit(self._access, self._env), self._files
        files.begin(now_ms)
        whole = False

        async def work(session: Session) -> None:
            nonlocal whole
            listed = [
                await self._list(visit, session, stage, source, now_ms)
                for stage, source in files.sources
            ]
            if all(listed):
                whole = await self._read(visit, session)

        try:
            await visit.go(work)
        finally:
            files.end()
        said, steps = verdict(visit.steps), tuple(visit.steps)
        if said[0] is not Outcome.UP:
            return Observation(*said, visit.phases, {}, steps)
        found = judge(spec.terms, files.known(whole=whole), now_ms)
        return Observation(found.outcome, found.reason, visit.phases, found.facts, steps)

    async def _list(
        self, visit: Visit, session: Session, stage: Stage | None, source: Source, now_ms: int
    ) -> bool:
        visit.enter(StepName.LIST)
        try:
            is_cut = await self._files.list(session, stage, source, now_ms)
        except Refused as refused:
            visit.leave(refused.outcome, refused.reason)
            return False
        if is_cut:
            visit.leave(Outcome.UNKNOWN, Reason.SFTP_TOO_MANY)
        else:
            visit.leave()
        return not is_cut

    async def _read(self, visit: Visit, session: Session) -> bool:
        visit.enter(StepName.READ)
        try:
            whole = await self._files.read(session, visit.has_time)
        except Refused as refused:
            visit.leave(refused.outcome, refused.reason)
            return False
        visit.leave()
        return whole


class OverPings:
    """Runs on the collector."""

    def __init__(self, spec: ClaimChainSpec, env: Env) -> None:
        self._spec = spec
        self._env = env

    async def run(self, slot: Slot) -> Observation:  # noqa: ARG002 - a chain has days
        env, now_ms = self._env, self._env.clock.now_ms()
        if env.pings is None:
            return Observation(Outcome.UNKNOWN, Reason.AGENT_CONFIG)
        try:
            known = await heard(self._spec, env.pings, now_ms)
        except StoreAwayError:
            return Observation(Outcome.UNKNOWN, Reason.AGENT_STORE)
        if known is None:
            return Observation(Outcome.UNKNOWN, Reason.CLAIMS_UNREAD)
        found: Judgement = judge(self._spec.terms, known, now_ms)
        return Observation(found.outcome, found.reason, {}, found.facts)


@asynccontextmanager
async def _open(spec: ClaimChainSpec, env: Env) -> AsyncIterator[Probe]:
    if spec.sftp is None:
        yield OverPings(spec, env)
        return
    module = await visiting("claim_chain")
    yield Unusable() if module is None else OverSftp(spec, spec.sftp, env, module.Visit)


def _prepare(spec: ClaimChainSpec) -> None:
    if spec.sftp is not None:
        need_library()


KIND = Kind(
    name="claim_chain",
    summary="Claims sent are answered in time: 837, then TA1/999, 277CA and 835",
    parse=ClaimChainSpec.model_validate,
    open=_open,
    prepare=_prepare,
    reasons=SFTP_REASONS | CLAIMS_REASONS | {Reason.AGENT_STORE},
    place=Place.EITHER,
)
