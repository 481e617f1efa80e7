"""One attestation, from what was asked for to the issued bundle; or the reason why there is none.

The evidence begins a day before the period. Where its numbers are not those of the collector, which
knows more of the past, it begins 2, 4, 8 days before, and so on: nothing is issued that differs.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import logging
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collector.attesting import apart, comparing, gathering, live, selfmonitoring
from collector.attesting.assembling import Assembler, Claims
from collector.attesting.covering import covered
from collector.attesting.folder import Folder
from collector.attesting.gathering import DAY_MS, Asked
from collector.attesting.issuing import issue
from collector.attesting.refusals import Refusal, RefusedAttestationError
from collector.attesting.stages import Stage
from collector.bundle import evidence as bundled
from collector.bundle.faults import BundleError, BundleFault
from collector.child import ChildError
from collector.evaluate import Evaluator
from collector.store import attestations
from collector.store.attestations import Attestation, Issued, Wanted
from collector.store.leases import FencedError, Lease
from collector.store.store import Store
from collector.tlog import epochs, keyrows
from collector.tlog.checkpoints import Published
from collector.tlog.epochs import Epoch, Log
from collector.tlog.policytext import policy_text
from probes.clock import NS_PER_MS, Clock
from probes.config import Config
from probes.config_evidence_log import EvidenceLog

log = logging.getLogger("wardwatch.attesting")

TOLD_MS = 1_000
"""How often at most it is written down how far it is."""
BUNDLE, MEMBERS = "bundle.zip", "members"


@dataclass(frozen=True, slots=True)
class Made:
    """Evidence and the numbers that follow from it, which the collector agrees with."""

    members: Path
    asked: Asked
    operators: Mapping[str, str]
    derived: Mapping[str, Any]
    from_size: int
    fingerprint: bytes


class Maker:
    """One per process; one attestation at a time."""

    def __init__(
        self,
        folder: Folder,
        store: Store,
        clock: Clock,
        org: str,
        evaluator: Evaluator,
        assembler: Assembler,
    ) -> None:
        self.folder = folder
        self._store = store
        self._clock = clock
        self._org = org
        self._evaluator = evaluator
        self._assembler = assembler

    async def make(self, one: Attestation, lease: Lease) -> tuple[str, ...]:
        """Who is told by a letter. RefusedAttestationError; FencedError when the lease is lost."""
        workspace = None
        try:
            workspace = await asyncio.to_thread(self.folder.workspace, one.id, lease.token)
            return await self._make(one, lease, workspace)
        except OSError as error:
            code = errno.errorcode.get(error.errno or 0)
            log.error("attesting.disk errno=%s", code)  # noqa: TRY400 - codes only
            raise RefusedAttestationError(Refusal.DISK) from None
        except ChildError as error:
            log.error("attesting.ended code=%d", error.code)  # noqa: TRY400 - codes only
            raise RefusedAttestationError(Refusal.NUMBERS) from None
        except BundleError as error:
            log.error("attesting.bundle code=%s", error.code.value)  # noqa: TRY400 - codes only
            large = error.code is BundleFault.TOO_LARGE
            refusal = Refusal.TOO_LARGE if large else Refusal.CHANGED
            raise RefusedAttestationError(refusal) from None
        finally:
            if workspace is not None:
                await asyncio.to_thread(self.folder.leave, workspace)

    async def _make(self, one: Attestation, lease: Lease, workspace: Path) -> tuple[str, ...]:
        config = self._evaluator.config
        said = config.evidence_log
        if said is None:
            raise RefusedAttestationError(Refusal.NO_LOG)
        await self._tell(one, Stage.LOG)
        every, quorum = said.checkpoint_every, said.needed > 0
        final = await covered(
            self._store, self._org, self._clock, every_ms=every, needs_quorum=quorum
        )
        epoch = await self._epoch(final)
        made = await self._agreed(one, config, said, epoch, final, workspace / MEMBERS)
        wanted = Wanted(one.period, one.start, one.end, one.systems)
        known = await self._store.read(attestations.of, self._org, wanted)
        before = attestations.newest_issued(known)
        earlier = None if before is None else before.issued
        if before is not None and earlier is not None and earlier.fingerprint == made.fingerprint:
            await self._unchanged(one, before, lease, final)
            return ()
        await self._tell(one, Stage.WRITING)
        issued = await self._written(one, config, said, epoch, made, earlier, workspace)
        issue_ = (self._org, lease, one, issued, self._evaluator.config, self._clock.now_ms)
        try:
            told = await self._store.write(issue, *issue_)
        except FencedError:
            await asyncio.to_thread(self.folder.withdraw, issued.file)
            raise
        log.info("attesting.issued number=%d revision=%d", one.number, issued.revision)
        return told

    async def _agreed(
        self,
        one: Attestation,
        config: Config,
        said: EvidenceLog,
        epoch: Epoch,
        final: Published,
        members: Path,
    ) -> Made:
        """From as far back as it takes; RefusedAttestationError where no evidence makes the numbers
        of the collector.
        """
        keys = await self._store.read(keyrows.read, self._org)
        try:
            policy = policy_text(keys.keys, epoch.name, said)
        except LookupError:
            raise RefusedAttestationError(Refusal.NO_KEY) from None
        name = config.organization.name
        operators = {id_: one.operator or name for id_, one in said.witnesses.items()}
        back = 1
        while True:
            since = one.start // DAY_MS * DAY_MS - back * DAY_MS
            now = one.end + bundled.CLOSED_MS
            asked = Asked(self._org, epoch, one.systems, since, now, final, said.needed > 0)
            await self._tell(one, Stage.GATHERING)
            await asyncio.to_thread(shutil.rmtree, members, ignore_errors=True)
            tell = self._telling(one, Stage.GATHERING)
            gathered = await gathering.gather(self._store, asked, members, policy, tell)
            await self._tell(one, Stage.DERIVING)
            question = bundled.Asked(one.start, one.end, since, operators)
            derived, mark = await apart.derived(members, question)
            history, lives = await live.truths(self._store, asked, one.start, one.end)
            truths = {name: found.truth for name, found in lives.items()}
            own = await asyncio.to_thread(comparing.of_truths, truths, history, question)
            if comparing.compared(derived) == own:
                return Made(members, asked, operators, derived, gathered.from_size, mark)
            log.info("attesting.further number=%d days=%d", one.number, back)
            if gathered.oldest is None or since <= gathered.oldest - DAY_MS:
                raise RefusedAttestationError(Refusal.DIFFERENT)
            back *= 2

    async def _written(
        self,
        one: Attestation,
        config: Config,
        said: EvidenceLog,
        epoch: Epoch,
        made: Made,
        earlier: Issued | None,
        workspace: Path,
    ) -> Issued:
        """The bundle under its name; nothing says yet that it is there."""
        span = (self._org, epoch.epoch, one.start, one.end)
        claims = Claims(
            f"{self._org}-{one.id}",
            1 if earlier is None else earlier.revision + 1,
            self._clock.now_ms(),
            None if earlier is None else earlier.statement,
            await self._store.read(selfmonitoring.read, *span),
        )
        whole = workspace / BUNDLE
        known = await self._store.read(keyrows.read, self._org)
        statement = await self._assembler.assemble(
            made.members, whole, config, said, made.derived, claims, known.keys, epoch.name
        )
        digest, length = await asyncio.to_thread(_weighed, whole)
        name = self.folder.name(one.id, digest)
        await asyncio.to_thread(self.folder.publish, whole, name)
        return Issued(
            revision=claims.revision,
            supersedes=claims.supersedes,
            issued_at=claims.computed_at,
            epoch=epoch.epoch,
            from_size=made.from_size,
            to_size=made.asked.final.size,
            sha256=digest,
            statement=statement,
            fingerprint=made.fingerprint,
            length=length,
            file=name,
            verdicts={each["system"]: each["verdict"] for each in made.derived["results"]},
        )

    async def _unchanged(
        self, one: Attestation, before: Attestation, lease: Lease, final: Published
    ) -> None:
        log.info("attesting.unchanged number=%d", one.number)
        await self._store.write(
            attestations.unchanged, self._org, lease, one.number, before, final.size
        )

    async def _epoch(self, final: Published) -> Epoch:
        found = await self._store.read(epochs.of, self._org, Log.EVIDENCE)
        return next(one for one in found if one.epoch == final.epoch)

    async def _tell(self, one: Attestation, stage: Stage, done: int = 0, total: int = 0) -> None:
        row = (self._org, one.number, stage.value, done, total)
        await self._store.write(attestations.progress, *row)

    def _telling(self, one: Attestation, stage: Stage) -> Callable[[int, int], Awaitable[None]]:
        last_ns = self._clock.monotonic_ns()

        async def tell(done: int, total: int) -> None:
            nonlocal last_ns
            now_ns = self._clock.monotonic_ns()
            if now_ns - last_ns >= TOLD_MS * NS_PER_MS:
                last_ns = now_ns
                await self._tell(one, stage, done, total)

        return tell


def _weighed(path: Path) -> tuple[bytes, int]:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest(), path.stat().st_size
