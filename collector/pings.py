"""Pings of jobs: whose a secret is, taking one durably, and what a check has heard.

Secrets are read where the process runs and kept as their SHA-256 alone. One that two checks share
counts for both.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Callable, Sequence

from collector.access.throttle import Buckets
from collector.away import read_away
from collector.store import pings
from collector.store.store import Store, StoreUnavailableError
from probes.clock import NS_PER_MS, Clock
from probes.config import Config
from probes.heartbeats import Heard, Ping, PingKind, StoreAwayError
from probes.history import History, Version
from probes.kinds.heartbeat import secret_of

log = logging.getLogger("wardwatch.pings")

KIND = "heartbeat"
READ_MS = 10_000
"""How soon a secret that was changed counts."""
MOST_CHECKS = 10_000


class Taking:
    """One per process: every replica takes pings."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        org: str,
        config: Callable[[], Config],
        read_secret: Callable[[str], bytes],
    ) -> None:
        self._store = store
        self._clock = clock
        self._org = org
        self._config = config
        self._read_secret = read_secret
        self._read_of: Config | None = None
        self._read_ns = 0
        self._known: Sequence[tuple[bytes, str]] = ()
        self._unread: frozenset[str] = frozenset()
        self._reading = asyncio.Lock()
        self._limit = Buckets(rate_per_s=1, burst=60, most_keys=MOST_CHECKS)

    async def checks_of(self, secret: str) -> tuple[str, ...]:
        """Whose secret it is; none, after the same work, where it is nobody's."""
        await self._read()
        asked = hashlib.sha256(secret.encode()).digest()
        return tuple(check for known, check in self._known if hmac.compare_digest(known, asked))

    def wait_ms(self, checks: Sequence[str]) -> int:
        """How long until another ping of these is taken; 0: now."""
        now_ms = self._clock.monotonic_ns() // NS_PER_MS
        return max(self._limit.take(check, now_ms) for check in checks)

    async def take(self, checks: Sequence[str], kind: PingKind) -> None:
        """Returns once it is durable; StoreUnavailableError."""
        ping = Ping(self._clock.now_ms(), kind)
        await self._store.write(pings.add, self._org, checks, ping)

    async def _read(self) -> None:
        async with self._reading:
            config, now_ns = self._config(), self._clock.monotonic_ns()
            is_old = now_ns - self._read_ns >= READ_MS * NS_PER_MS
            if config is self._read_of and not is_old:
                return
            refs = {
                n: str(c.spec.get("secret")) for n, c in config.checks.items() if c.kind == KIND
            }
            self._known = await asyncio.to_thread(self._digests, refs)
            self._read_of, self._read_ns = config, now_ns
            unread = frozenset(refs) - {check for _, check in self._known}
            for check in sorted(unread - self._unread):
                log.error("pings.no_secret check=%s", check)
            self._unread = unread

    def _digests(self, refs: dict[str, str]) -> list[tuple[bytes, str]]:
        found: list[tuple[bytes, str]] = []
        for check, ref in refs.items():
            try:
                secret = secret_of(self._read_secret(ref))
            except (OSError, KeyError, ValueError):
                continue  # its check says so at each slot
            found.append((hashlib.sha256(secret.encode()).digest(), check))
        return found


class StoredPings:
    """`probes.heartbeats.Pings` of this collector's store."""

    def __init__(self, store: Store, org: str, history: Callable[[], History]) -> None:
        self._store = store
        self._org = org
        self._history = history

    async def of(self, check: str) -> Heard:
        history = self._history()
        try:
            found = await self._store.read(pings.of, self._org, check)
            away = await self._store.read(read_away, self._org)
        except StoreUnavailableError:
            raise StoreAwayError from None
        return Heard(found, since_ms(history, check), history.latest.organization.zone, away)


def since_ms(history: History, check: str) -> int:
    """From when on the job has been due as it is now: changes of all else move nothing."""
    since, now = 0, _due_as(history.versions[-1], check)
    for version in reversed(history.versions):
        if _due_as(version, check) != now:
            break
        since = version.at or 0
    return since


def _due_as(version: Version, check: str) -> tuple[object, ...]:
    found = version.config.checks.get(check)
    if found is None or found.kind != KIND:
        return ()
    spec = found.spec
    zone = spec.get("timezone", version.config.organization.timezone)
    return spec.get("cron"), spec.get("interval"), zone if "cron" in spec else None
