"""The agent built into the collector: it runs the checks that judge what came to the collector.

It works in the process that holds the lease, and only where there is such a check. Slots, runs,
chain and signature are those of any agent; T1 verifies and stores its batches like anybody's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from collector import away, builtinkey
from collector.builtinchain import BuiltInChain, Tip, stored_tip
from collector.core.agent_keys import KeyState
from collector.ingest import Ingest, RefusedError
from collector.keyring import KeyRing
from collector.leader import Leader
from collector.store.leases import Lease
from collector.store.store import Store, StoreUnavailableError
from probes import registry
from probes.attempts import Attempts, Seen
from probes.clock import Clock
from probes.config import Config
from probes.config_checks import Check
from probes.config_places import COLLECTOR
from probes.configfile import digest
from probes.contract import Env
from probes.reasons import Reason
from probes.runner import Runner
from probes.unusable import UNUSABLE

log = logging.getLogger("wardwatch.builtin")

LOOK_MS = 500
"""How soon a lease, or a config, that is another one is seen."""
AWAY_MS = 30_000
"""Whoever leads says so every ten seconds; a silence longer than this is an absence."""
FINISH_S = 5.0
"""For what is left when the process is told to stop."""


@dataclass(frozen=True, slots=True)
class Around:
    """What it uses of the collector. `config` is the newest version."""

    store: Store
    clock: Clock
    org: str
    leader: Leader
    ingest: Ingest
    keys: KeyRing
    config: Callable[[], Config]
    env: Callable[[Check], Env]
    """What a check may use of the world and of the collector."""
    random_bytes: Callable[[int], bytes]
    beacon: Callable[[], str | None] = lambda: None
    """What agents are told of the evidence log."""


class BuiltIn:
    """`run` for ever."""

    def __init__(self, around: Around, key: Ed25519PrivateKey) -> None:
        self._around = around
        self._key = key
        self._refused: KeyState | None = None
        self.works = False
        """Whether it runs checks now."""
        self._resumed: int | None = None
        """The token of the lease under which the stored chain was gone on with."""

    async def run(self) -> None:
        around = self._around
        while True:
            lease, config = around.leader.lease, around.config()
            if lease is not None and _checks(config) and await self._admitted(config):
                tip = await self._tip(lease)
                if tip is not None:
                    await self._session(lease, tip, config)
            await around.clock.sleep_ms(LOOK_MS)

    async def _admitted(self, config: Config) -> bool:
        """Is the key taken? What this process signs otherwise, nobody would take."""
        around, site = self._around, config.agents[COLLECTOR].site
        try:
            state = await around.store.write(
                builtinkey.admit, around.org, site, self._key, around.clock.now_ms
            )
            await around.keys.refresh()
        except StoreUnavailableError:
            return False  # the store keeps its fault, and shows it
        refused = None if state is KeyState.APPROVED else state
        if refused is not None and refused is not self._refused:
            log.error("builtin.key_not_taken state=%s", refused.value)
        self._refused = refused
        return refused is None

    async def _tip(self, lease: Lease) -> Tip | None:
        """Where the stored chain goes on, once a lease: of what this process itself began to store
        and then left it does not know when, and whether, it is stored.
        """
        fresh = Tip(self._around.random_bytes(16).hex())
        if self._resumed == lease.token:
            return fresh
        try:
            found = await self._around.store.read(stored_tip, self._around.org)
            await self._say_away(found)
        except StoreUnavailableError:
            return None
        self._resumed = lease.token
        return found or fresh

    async def _say_away(self, tip: Tip | None) -> None:
        """For so long nobody led, or nobody could store what was sent."""
        around = self._around
        spoke_at = max((tip and tip.spoke_at) or 0, around.leader.said_before)
        if spoke_at and around.clock.now_ms() - spoke_at > AWAY_MS:
            await around.store.write(away.record, around.org, spoke_at, around.clock.now_ms)
            log.warning("builtin.away ms=%d", around.clock.now_ms() - spoke_at)

    async def _session(self, lease: Lease, tip: Tip, config: Config) -> None:
        """As long as this lease is held and there is something to do."""
        around = self._around
        chain = BuiltInChain(
            around.ingest,
            lease,
            around.org,
            self._key,
            tip,
            digest(config),
            around.clock,
            around.random_bytes,
            around.beacon,
        )
        opened = self._opened(config, {})
        runner = Runner(
            COLLECTOR, [*opened.values()], around.clock, chain.add, stepped=chain.stepped
        )
        log.info("builtin.began checks=%d", len(opened))
        self.works = True
        running, storing, watching = tasks = (
            asyncio.create_task(runner.run()),
            asyncio.create_task(chain.run()),
            asyncio.create_task(self._watch(lease, config, opened, runner, chain)),
        )
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.works = False
            ended = {task for task in tasks if task.done()}
            await _cancelled(running, watching)  # what was under way is missed, and told
            await _cancelled(storing)
            await self._finish(lease, chain)
        for task in ended:
            _raised(task)

    async def _finish(self, lease: Lease, chain: BuiltInChain) -> None:
        """Store what is left, if that still counts."""
        if not self._holds(lease):
            return
        try:
            async with asyncio.timeout(FINISH_S):
                await chain.finish()
        except TimeoutError:
            log.error("builtin.not_stored")  # noqa: TRY400 - a code says it
        except RefusedError as refusal:
            log.error("builtin.refused code=%s", refusal.code)  # noqa: TRY400 - a code says it

    async def _watch(
        self,
        lease: Lease,
        config: Config,
        opened: dict[str, Attempts],
        runner: Runner,
        chain: BuiltInChain,
    ) -> None:
        """Until this lease is another's, or there is nothing left to do."""
        said = self._around.leader.said_before
        while True:
            await self._around.clock.sleep_ms(LOOK_MS)
            if self._around.leader.said_before != said:  # the store was away, and is back
                with contextlib.suppress(StoreUnavailableError):  # and away again: next time
                    await self._say_away(None)
                    said = self._around.leader.said_before
            newest = self._around.config()
            if not self._holds(lease) or not _checks(newest):
                return
            if newest is not config:
                kept = _unchanged(config, newest, opened)
                config, opened = newest, self._opened(newest, kept)
                runner.change([*opened.values()], partial(chain.follow, digest(config)))

    def _holds(self, lease: Lease) -> bool:
        now = self._around.leader.lease
        return now is not None and now.token == lease.token

    def _opened(self, config: Config, kept: Mapping[str, Attempts]) -> dict[str, Attempts]:
        return {name: kept.get(name) or self._open(name, config) for name in _checks(config)}

    def _open(self, name: str, config: Config) -> Attempts:
        check = config.checks[name]
        env = self._around.env(check)
        try:
            return Attempts(name, check, registry.load(check.kind), env, _nobody)
        except (ValidationError, KeyError, ImportError) as error:
            # of a newer release that has the config already
            log.error(  # noqa: TRY400 - its text may quote the file
                "builtin.check_unusable check=%s type=%s", name, type(error).__name__
            )
        return Attempts(name, check, UNUSABLE, env, _nobody)


def _checks(config: Config) -> list[str]:
    return [name for name in config.checks if config.agents_of(name) == (COLLECTOR,)]


def _unchanged(
    before: Config, after: Config, opened: Mapping[str, Attempts]
) -> dict[str, Attempts]:
    """Those that run on as they are."""
    if before.organization != after.organization:
        return {}
    return {
        name: attempts
        for name, attempts in opened.items()
        if before.checks[name] == after.checks.get(name)
    }


async def _nobody(_seen: Seen) -> Reason | None:
    """Nothing it sees comes over a network, and no verdict depends on how fast it looked."""
    return None


async def _cancelled(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _raised(task: asyncio.Task[None]) -> None:
    """What ended a part; that T1 takes nothing from here any longer is no defect."""
    try:
        task.result()
    except RefusedError as refusal:
        log.warning("builtin.refused code=%s", refusal.code)
